"""`python -m rdcbench`."""

from rdcbench.cli import main

if __name__ == "__main__":
    main()

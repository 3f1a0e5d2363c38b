"""A run as one file for another lab: written, read without trust, and decoded again."""

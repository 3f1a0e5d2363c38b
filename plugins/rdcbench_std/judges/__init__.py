"""Judges that trained no codec: a held-out classifier, sliced W2, a fresh critic, and a search for copies."""

from rdcbench_std.judges.classifier_judge import ClassifierJudge
from rdcbench_std.judges.critic_judge import FreshCritic
from rdcbench_std.judges.memorisation import Memorisation
from rdcbench_std.judges.sliced import SlicedJudge

JUDGES = (ClassifierJudge, SlicedJudge, FreshCritic, Memorisation)

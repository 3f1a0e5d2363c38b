"""Judges that trained no codec: a held-out classifier with distances in its features, and sliced W2."""

from rdcbench_std.judges.classifier_judge import ClassifierJudge
from rdcbench_std.judges.sliced import SlicedJudge

JUDGES = (ClassifierJudge, SlicedJudge)

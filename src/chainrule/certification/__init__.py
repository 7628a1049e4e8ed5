"""How accurate the generated functions are, in ulp, against an independent reference.

The reference is the definition as it stands, its named calls expanded, differentiated by SymPy and evaluated in ball
arithmetic; no stable form, rule or derivation of ours takes part.
"""

from .certify import accuracy as accuracy
from .certify import exhaustive as exhaustive
from .measure import measure as measure
from .subject import Home as Home
from .subject import Subject as Subject
from .subject import subject as subject
from .sweep import cluster as cluster
from .sweep import local as local
from .sweep import sweep as sweep
from .table import COLUMNS as COLUMNS
from .table import rows as rows

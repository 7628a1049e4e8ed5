"""Checks of derivations: every line, every reason, the result, the routes, the other notations."""

from .checks import Row as Row
from .checks import StepCheck as StepCheck
from .checks import Subject as Subject
from .checks import check_routes as check_routes
from .checks import check_step as check_step
from .matrices import check_matrix_form as check_matrix_form
from .stable import check_stable as check_stable
from .verification import CHECKS as CHECKS
from .verification import Verification as Verification
from .verification import summed as summed
from .verification import verify as verify
from .verification import verify_all as verify_all
from .verification import verify_facts as verify_facts

"""The translation catalogues without gettext's tools: a bare machine has none, and the pages need their French.

`python -m kivendtout.lib.messages compile | update | check`
"""

from kivendtout.lib.messages.tool import Problem, check_all, compile_all, update_all

__all__ = ["Problem", "check_all", "compile_all", "update_all"]

"""What keeps a list quick on a table of millions: a limit on each statement, and counts that stop counting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.paginator import Paginator
from django.db import OperationalError, connection, transaction
from django.utils.formats import number_format
from django.utils.functional import cached_property
from psycopg.errors import QueryCanceled

# A person leafs through a few pages, never through ten thousand rows; deeper pages would each cost a longer OFFSET.
MOST_COUNTED = 10_000
COUNT_MILLISECONDS = 1_000
# After this a list says "choose a period" instead of making the database, and the person, wait on.
LIST_MILLISECONDS = 4_000


@contextmanager
def statement_limit(milliseconds: int) -> Iterator[None]:
    """Each statement inside may take this long. Nests: the outer limit holds again afterwards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


def took_too_long(error: OperationalError) -> bool:
    return isinstance(error.__cause__, QueryCanceled)


class BoundedPaginator(Paginator):
    """Counts no further than MOST_COUNTED. An unfiltered list then tells the planner's estimate, any other 10,000+."""

    template_name = "admin/kvt/pagination.html"
    object_list: Any

    def __init__(self, *args: Any, filtered: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filtered = filtered

    @cached_property
    def counted(self) -> int | None:
        """Rows, up to one more than MOST_COUNTED; None when a second was not enough to find them."""
        if not hasattr(self.object_list, "query"):
            return len(self.object_list)
        rows = self.object_list.order_by().select_related(None).values("pk")[: MOST_COUNTED + 1]
        try:
            with statement_limit(COUNT_MILLISECONDS):
                return int(rows.count())
        except OperationalError as error:
            if not took_too_long(error):
                raise
            return None

    @cached_property
    def count(self) -> int:
        # Unknown counts as many: fewer than a page would make the list fetch every row at once.
        return MOST_COUNTED if self.counted is None else min(self.counted, MOST_COUNTED)

    @cached_property
    def label(self) -> str:
        """The count as people read it: "312", "10,000+", "≈ 5,000,000"."""
        if self.counted is not None and self.counted <= MOST_COUNTED:
            return number_format(self.counted, force_grouping=True)
        if self.counted is None or not self.filtered:
            return "≈ " + number_format(rounded(self.estimate()), force_grouping=True)
        return number_format(MOST_COUNTED, force_grouping=True) + "+"

    def estimate(self) -> int:
        plan = self.object_list.order_by().select_related(None).values("pk").explain(format="json")
        return int(json.loads(plan)[0]["Plan"]["Plan Rows"])


def rounded(number: int) -> int:
    """Two significant digits: more would promise what an estimate cannot keep."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return round(number / step) * step

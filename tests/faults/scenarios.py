"""All scenarios: each of these modules puts its own into the table."""
import controls  # noqa: F401
import on_link  # noqa: F401
import on_pair  # noqa: F401
import on_patroni  # noqa: F401
import on_private  # noqa: F401
from table import TABLE

__all__ = ["TABLE"]

"""What a worker is told on its command line."""

from dataclasses import replace

from karttime.api.limits import LIMITS
from karttime.api.proxies import networks
from karttime.api.worker import WorkerPlan


def test_a_plan_comes_out_as_it_went_in() -> None:
    """Limits with everything in them."""
    limits = replace(LIMITS, deflate=True, proxies=networks(["10.0.0.0/8", "fd00::/8"]))
    plan = WorkerPlan("::1", 8000, "/tmp/relay", "/tmp/http", limits, "INFO")  # noqa: S108 - nothing is opened
    assert WorkerPlan.load(plan.dump()) == plan

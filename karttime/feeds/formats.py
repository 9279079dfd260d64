"""The formats that karttime speaks: a literal table."""

from collections.abc import Mapping

from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.apex.score import score as apex_score
from karttime.feeds.base import FeedFormat
from karttime.feeds.rmonitor.decoder import RMonitorDecoder
from karttime.feeds.rmonitor.score import score_racemonitor, score_rmonitor

FORMATS: Mapping[str, FeedFormat] = {
    "apex": FeedFormat("apex", ApexDecoder, apex_score),
    "racemonitor": FeedFormat("racemonitor", RMonitorDecoder, score_racemonitor),
    "rmonitor": FeedFormat("rmonitor", RMonitorDecoder, score_rmonitor),
}

"""The formats that karttime speaks: a literal table."""

from collections.abc import Mapping

from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.apex.score import score as apex_score
from karttime.feeds.base import FeedFormat

FORMATS: Mapping[str, FeedFormat] = {
    "apex": FeedFormat("apex", ApexDecoder, apex_score),
}

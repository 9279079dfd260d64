"""The simulator's Apex Timing: both editions, in eight languages."""

from karttime.simulator.apex.dialect import Clock, Dialect, Edition
from karttime.simulator.apex.simulator import ApexSimulator

__all__ = ["ApexSimulator", "Clock", "Dialect", "Edition"]

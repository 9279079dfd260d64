"""The simulator's RMonitor: a timing computer over TCP in three editions, and Race Monitor's relay of it."""

from karttime.simulator.rmonitor.dialect import Dialect, Edition
from karttime.simulator.rmonitor.simulator import RMonitorSimulator

__all__ = ["Dialect", "Edition", "RMonitorSimulator"]

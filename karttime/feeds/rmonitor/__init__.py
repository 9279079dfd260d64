"""RMonitor, the protocol of Orbits and others, and the records that Race Monitor's relay adds to it."""

"""What an unknown feed means: from a sample of frames to findings and a draft `FeedSpec`."""

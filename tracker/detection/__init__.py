"""From a frame to face states: locator, normalizer, landmark network, and the tracker that follows."""

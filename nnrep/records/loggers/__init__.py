"""Rows of finished runs in trackers of experiments: Hydra callbacks, one file a tracker."""

"""When a delivery company is asked again after it failed."""

"""What a request passes and needs before something answers it."""

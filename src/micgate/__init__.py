"""micgate decides who may be heard on a live Genesys Cloud call, and until when."""

__version__ = "0.1.0"

//! The tenant management service.

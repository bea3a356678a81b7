//! Records of finished runs in, tables out.

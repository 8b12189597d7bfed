//! The whole encoder and its kernels, against plain arithmetic and against themselves.

mod bits;
mod kernels;
mod outliers;
mod reference;

//! Sixteen numbers at a time: what a processor must offer, and which one does.
//!
//! Every kernel of this crate is written once, over [`Lanes`]. A processor implements that trait in one file; [`Plain`]
//! implements it without any instruction of its own and is the definition of right. An operation gives the same bits on
//! each of them: a reduction adds in one order, multiply-add rounds once, and what differs between processors by nature
//! (the larger of a number and NaN, the rounding to an integer) is defined here.
//!
//! A value of an implementing type is the proof that this processor has its instructions; only [`Kernel`] makes them,
//! after asking. `unsafe` is confined to the files of processors, where each call needs nothing beyond that proof.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod peak;
mod plain;
mod sixteen;

use std::fmt;

pub(crate) use self::{
    plain::Plain,
    sixteen::{Lanes, Line, WIDTH, Work},
};

/// The instructions that an encoder is computed with. All of them give the same bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Choice);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Plain(Plain),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2<false>),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(avx2::Avx2<true>),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon<false>),
    #[cfg(target_arch = "aarch64")]
    NeonDot(neon::Neon<true>),
}

impl Kernel {
    /// The one that needs no instruction of a processor's own: slow, and the definition of right.
    pub fn plain() -> Self {
        Self(Choice::Plain(Plain))
    }

    /// Those that this processor can run, the fastest first; the last is [`plain`](Self::plain).
    pub fn available() -> Vec<Self> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            kernels.extend(avx512::Avx512::detect().map(|lanes| Self(Choice::Avx512(lanes))));
            kernels.extend(avx2::Avx2::<true>::detect().map(|lanes| Self(Choice::AvxVnni(lanes))));
            kernels.extend(avx2::Avx2::<false>::detect().map(|lanes| Self(Choice::Avx2(lanes))));
        }
        #[cfg(target_arch = "aarch64")]
        {
            kernels.extend(neon::Neon::<true>::detect().map(|lanes| Self(Choice::NeonDot(lanes))));
            kernels.extend(neon::Neon::<false>::detect().map(|lanes| Self(Choice::Neon(lanes))));
        }
        kernels.push(Self::plain());
        kernels
    }

    /// The fastest that this processor can run.
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::plain())
    }

    /// The kernel of that name, where this processor can run it.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|kernel| kernel.name() == name)
    }

    /// Its name, as the variable `OKIBI_KERNEL` takes it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Choice::Plain(_) => "plain",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Choice::AvxVnni(_) => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Choice::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            Choice::NeonDot(_) => "neon-dot",
        }
    }

    /// Runs `work` with these instructions.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Choice::Plain(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Choice::AvxVnni(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512(lanes) => lanes.run(work),
            #[cfg(target_arch = "aarch64")]
            Choice::Neon(lanes) => lanes.run(work),
            #[cfg(target_arch = "aarch64")]
            Choice::NeonDot(lanes) => lanes.run(work),
        }
    }

    /// How it wants integers.
    pub(crate) fn words(self) -> Words {
        struct Ask;
        impl Work for Ask {
            type Output = Words;
            #[inline(always)]
            fn run<L: Lanes>(self, _: L) -> Words {
                Words {
                    group: L::GROUP,
                    offset: L::OFFSET,
                }
            }
        }
        self.run(Ask)
    }
}

/// How a kernel wants integers: weights are packed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// [`Lanes::GROUP`].
    pub(crate) group: usize,
    /// [`Lanes::OFFSET`].
    pub(crate) offset: i32,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

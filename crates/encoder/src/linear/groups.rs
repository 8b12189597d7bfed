//! Values that are kept in groups.

use crate::lanes::WIDTH;

/// Places of a vector that are kept in groups, each padded to whole lanes: the heads of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// How many there are.
    pub(crate) count: usize,
    /// Values of one.
    pub(crate) width: usize,
}

impl Groups {
    /// One group: a vector padded at its end.
    pub(crate) fn one(width: usize) -> Self {
        Self { count: 1, width }
    }

    /// Values of one group, with those that pad.
    pub(crate) fn padded(self) -> usize {
        self.width.next_multiple_of(WIDTH)
    }

    /// Values of all groups, with those that pad.
    pub(crate) fn total(self) -> usize {
        self.count * self.padded()
    }

    /// Which value is at a padded place; `None` where it pads.
    pub(super) fn value(self, place: usize) -> Option<usize> {
        let (group, within) = (place / self.padded(), place % self.padded());
        (within < self.width).then_some(group * self.width + within)
    }
}

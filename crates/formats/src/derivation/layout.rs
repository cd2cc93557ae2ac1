//! Location of the elements of one tensor in others: parts side by side along an axis, each a slice of a tensor with its axes
//! in another order.
//!
//! One form covers what converters do: a copy (one part), fusing (several parts), splitting (a slice), transposing and
//! the rotary permutation (a view with more axes, in another order), stacking (parts with an axis of one).

use crate::error::FormatError;
use std::fmt::Display;
use std::ops::Range;

/// Axes of a view, at most.
const MOST_AXES: usize = 16;

/// One source of the elements of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The tensor, viewed with these axes: their product is its number of elements.
    pub view: Vec<u64>,
    /// The axis of which only a range is taken, and the range.
    pub slice: Option<(usize, Range<u64>)>,
    /// The axes of the view in the order of the result.
    pub order: Vec<usize>,
}

/// The layout of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The axis along which the parts lie side by side.
    axis: usize,
    /// Elements before that axis: the product of the lengths of the axes before it.
    outer: u64,
    /// Elements of the parts together along the axis and behind it.
    row: u64,
    parts: Vec<Strided>,
    /// First element of each part within a row, and one past the last.
    columns: Vec<Range<u64>>,
}

/// A part as lengths and steps in elements of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strided {
    start: u64,
    /// Length and step of each axis, outermost first. No axis has the length 1, none follows on the one before it.
    axes: Vec<(u64, u64)>,
}

/// A range of elements of the result that lies in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Index of the part.
    pub part: usize,
    /// First element, counted in the order of the part.
    pub start: u64,
    /// Number of elements.
    pub length: u64,
}

fn refused(message: &str, expected: impl Display, received: impl Display) -> FormatError {
    FormatError::new(message).with_expected(expected, received)
}

fn product(lengths: &[u64]) -> Result<u64, FormatError> {
    lengths
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
        .ok_or_else(|| FormatError::new("the axes of a view have more elements than 64 bits count"))
}

impl Layout {
    /// Check and build the layout of a tensor of `elements` elements, viewed with the axes `view`; `sources` are the
    /// numbers of elements of the tensors that the parts view.
    pub fn new(
        elements: u64,
        view: &[u64],
        axis: usize,
        parts: &[Part],
        sources: &[u64],
    ) -> Result<Self, FormatError> {
        if product(view)? != elements || view.len() > MOST_AXES || axis >= view.len().max(1) {
            return Err(refused(
                "the view of the tensor does not fit it",
                format!("{elements} elements"),
                format!("{view:?}"),
            ));
        }
        let (outer, inner) = if view.is_empty() {
            (1, 1)
        } else {
            (product(&view[..axis])?, product(&view[axis + 1..])?)
        };
        let mut columns = Vec::with_capacity(parts.len());
        let mut strided = Vec::with_capacity(parts.len());
        let mut along = 0_u64;
        for (part, elements) in parts.iter().zip(sources) {
            let (lengths, part) = part.resolve(*elements)?;
            let own = if view.is_empty() {
                1
            } else {
                lengths.get(axis).copied().unwrap_or(0)
            };
            let mut expected = view.to_vec();
            if let Some(length) = expected.get_mut(axis) {
                *length = own;
            }
            if lengths != expected {
                return Err(refused(
                    "a part does not fit its place",
                    format!("{expected:?}"),
                    format!("{lengths:?}"),
                ));
            }
            let end = along.saturating_add(own);
            columns.push(along * inner..end.saturating_mul(inner));
            strided.push(part);
            along = end;
        }
        let wanted = view.get(axis).copied().unwrap_or(1);
        if along != wanted || strided.len() != sources.len() {
            return Err(refused(
                "the parts together do not fill the tensor",
                wanted,
                along,
            ));
        }
        Ok(Self {
            axis,
            outer,
            row: wanted * inner,
            parts: strided,
            columns,
        })
    }

    /// Return the parts.
    pub fn parts(&self) -> &[Strided] {
        &self.parts
    }

    /// Cut the elements into ranges of about `budget` elements that can be worked on by themselves, each a multiple of
    /// `block` but the last.
    pub fn tiles(&self, budget: u64, block: u64) -> Vec<Range<u64>> {
        let total = self.outer * self.row;
        let mut tiles = Vec::new();
        let mut start = 0;
        while start < total {
            let within = start % self.row;
            let column = self.columns.iter().position(|column| column.contains(&within));
            let step = match column {
                // Whole rows of several parts.
                _ if within == 0 && self.outer > 1 && self.row <= budget => budget / self.row * self.row,
                Some(index) => {
                    let remaining = self.columns[index].end - within;
                    self.parts[index].step(budget).min(remaining)
                }
                None => budget,
            };
            let end = (start + step.max(1)).next_multiple_of(block).min(total);
            tiles.push(start..end);
            start = end;
        }
        tiles
    }

    /// Return the segments of a range of elements, in their order.
    pub fn segments(&self, range: Range<u64>) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let (row, within) = (position / self.row, position % self.row);
            let Some(part) = self.columns.iter().position(|column| column.contains(&within)) else {
                break;
            };
            let column = &self.columns[part];
            let length = (column.end - within).min(range.end - position);
            segments.push(Segment {
                part,
                start: row * (column.end - column.start) + (within - column.start),
                length,
            });
            position += length;
        }
        segments
    }

    /// Return the axis of the parts.
    pub const fn axis(&self) -> usize {
        self.axis
    }
}

impl Part {
    /// Return the lengths of the axes in the order of the result, and the part as steps.
    fn resolve(&self, elements: u64) -> Result<(Vec<u64>, Strided), FormatError> {
        let Self { view, slice, order } = self;
        let mut seen = order.clone();
        seen.sort_unstable();
        if view.len() > MOST_AXES || seen != (0..view.len()).collect::<Vec<_>>() {
            return Err(refused(
                "the order of the axes does not fit the view of a part",
                format!("each of {} axes once", view.len()),
                format!("{order:?}"),
            ));
        }
        if product(view)? != elements {
            return Err(refused(
                "the view of a part does not fit its tensor",
                format!("{elements} elements"),
                format!("{view:?}"),
            ));
        }
        let mut axes: Vec<(u64, u64)> = Vec::with_capacity(view.len());
        let mut step = 1_u64;
        for length in view.iter().rev() {
            axes.push((*length, step));
            step = step.saturating_mul(*length);
        }
        axes.reverse();
        let mut start = 0;
        if let Some((axis, range)) = slice {
            let fits = axes
                .get(*axis)
                .is_some_and(|(length, _)| range.start <= range.end && range.end <= *length);
            if !fits {
                return Err(refused(
                    "a slice is outside its tensor",
                    format!("{view:?}"),
                    format!("{range:?}"),
                ));
            }
            start = range.start * axes[*axis].1;
            axes[*axis].0 = range.end - range.start;
        }
        let ordered: Vec<(u64, u64)> = order.iter().map(|axis| axes[*axis]).collect();
        let lengths = ordered.iter().map(|(length, _)| *length).collect();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ordered.len());
        for (length, step) in ordered {
            if length == 1 {
                continue;
            }
            match merged.last_mut() {
                Some(last) if last.1 == length * step => *last = (last.0 * length, step),
                _ => merged.push((length, step)),
            }
        }
        let axes = merged;
        Ok((lengths, Strided { start, axes }))
    }
}

/// A copy of consecutive elements of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First element in the source.
    pub from: u64,
    /// Number of elements.
    pub length: u64,
    /// First element in the range that is gathered.
    pub to: u64,
    /// Distance of two neighbours there; 1 for consecutive elements.
    pub stride: u64,
}

impl Strided {
    /// Return how many elements are best gathered at once: whole blocks of the axes behind the one along which the source
    /// is consecutive.
    fn step(&self, budget: u64) -> u64 {
        match self.consecutive_axis() {
            Some(axis) if axis + 1 < self.axes.len() => {
                let behind: u64 = self.behind(axis);
                (budget / behind).max(1) * behind
            }
            Some(axis) if axis > 0 => {
                // Rows: a few whole groups of them, so that what one group permutes is read at once.
                let group = self.behind(0);
                if group <= budget {
                    budget / group * group
                } else {
                    budget
                }
            }
            _ => budget,
        }
    }

    /// Return whether its elements are consecutive in the source.
    pub fn is_consecutive(&self) -> bool {
        matches!(self.axes[..], [] | [(_, 1)])
    }

    /// Return whether its last axis is consecutive in the source, so that it is read row by row.
    pub fn has_rows(&self) -> bool {
        self.axes.last().is_none_or(|(_, step)| *step == 1)
    }

    fn behind(&self, axis: usize) -> u64 {
        self.axes[axis + 1..].iter().map(|(length, _)| *length).product()
    }

    fn consecutive_axis(&self) -> Option<usize> {
        self.axes.iter().position(|(_, step)| *step == 1)
    }

    /// Return the first element and one past the last element of the source that a range touches.
    pub fn span(&self, range: &Range<u64>) -> Range<u64> {
        if range.start >= range.end {
            return self.start..self.start;
        }
        // Axes that the range covers whole count whole; the first one that it does not is bounded by its ends.
        let (mut low, mut high) = (self.start, self.start);
        let (mut first, mut last) = (range.start, range.end - 1);
        for (axis, (_, step)) in self.axes.iter().enumerate() {
            let behind = self.behind(axis);
            let (a, b) = (first / behind, last / behind);
            if a == b {
                low += a * step;
                high += a * step;
                (first, last) = (first % behind, last % behind);
                continue;
            }
            low += a * step;
            high += b * step;
            for (length, step) in &self.axes[axis + 1..] {
                high += (length - 1) * step;
            }
            break;
        }
        low..high + 1
    }

    /// Cut a range into runs. Runs with a stride go along the axis on which the source is consecutive.
    pub fn runs(&self, range: &Range<u64>, mut take: impl FnMut(Run)) {
        let Some(axis) = self.consecutive_axis() else {
            // A scalar, or every axis leaps.
            for element in range.clone() {
                take(Run {
                    from: self.offset(element),
                    length: 1,
                    to: element - range.start,
                    stride: 1,
                });
            }
            return;
        };
        let behind = self.behind(axis);
        let length = self.axes[axis].0;
        let mut position = range.start;
        while position < range.end {
            let index = position / behind % length;
            let within = position % behind;
            // As many whole blocks behind the axis as are in the range; or elements one by one up to the next block.
            let blocks = ((range.end - position) / behind).min(length - index);
            if within == 0 && blocks > 0 {
                for inner in 0..behind {
                    take(Run {
                        from: self.offset(position + inner),
                        length: blocks,
                        to: position + inner - range.start,
                        stride: behind,
                    });
                }
                position += blocks * behind;
            } else {
                let until = range.end.min(position - within + behind);
                for element in position..until {
                    take(Run {
                        from: self.offset(element),
                        length: 1,
                        to: element - range.start,
                        stride: 1,
                    });
                }
                position = until;
            }
        }
    }

    /// Return the element of the source that is at a position of the part.
    pub fn offset(&self, position: u64) -> u64 {
        let mut rest = position;
        let mut offset = self.start;
        for (length, step) in self.axes.iter().rev() {
            offset += rest % length * step;
            rest /= length;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lay out elements one by one, with an index for each axis.
    fn slowly(part: &Part) -> Vec<u64> {
        let Part { view, slice, order } = part;
        let mut steps = vec![1; view.len()];
        for axis in (0..view.len().saturating_sub(1)).rev() {
            steps[axis] = steps[axis + 1] * view[axis + 1];
        }
        let ranges: Vec<Range<u64>> = view
            .iter()
            .enumerate()
            .map(|(axis, length)| match slice {
                Some((sliced, range)) if *sliced == axis => range.clone(),
                _ => 0..*length,
            })
            .collect();
        let mut gathered = vec![0_u64];
        for axis in order {
            let step = steps[*axis];
            gathered = gathered
                .iter()
                .flat_map(|base| ranges[*axis].clone().map(move |index| base + index * step))
                .collect();
        }
        gathered
    }

    fn parts() -> impl Strategy<Value = Part> {
        (
            prop::collection::vec(1..5_u64, 1..5),
            any::<prop::sample::Index>(),
            any::<u64>(),
        )
            .prop_flat_map(|(view, axis, seed)| {
                let axis = axis.index(view.len());
                let start = seed % view[axis];
                let end = start + 1 + (seed >> 8) % (view[axis] - start);
                let order: Vec<usize> = (0..view.len()).collect();
                Just(order).prop_shuffle().prop_map(move |order| Part {
                    view: view.clone(),
                    slice: (seed % 3 > 0).then_some((axis, start..end)),
                    order,
                })
            })
    }

    proptest! {
        #[test]
        fn runs_and_spans_are_those_of_the_slow_way(part in parts(), from: u64, to: u64) {
            let expected = slowly(&part);
            let (lengths, strided) = part.resolve(part.view.iter().product()).expect("it fits");
            let total = lengths.iter().product::<u64>();
            prop_assert_eq!(total, expected.len() as u64);
            let from = from % (total + 1);
            let range = from..from + to % (total - from + 1);
            let mut gathered = vec![None; usize::try_from(range.end - range.start).expect("small")];
            let span = strided.span(&range);
            strided.runs(&range, |run| {
                for index in 0..run.length {
                    let at = usize::try_from(run.to + index * run.stride).expect("small");
                    assert!(gathered[at].replace(run.from + index).is_none(), "twice");
                    assert!(span.contains(&(run.from + index)));
                }
            });
            let gathered: Vec<u64> = gathered.into_iter().map(|element| element.expect("all are there")).collect();
            let at = |index: u64| usize::try_from(index).expect("small");
            prop_assert_eq!(&gathered[..], &expected[at(range.start)..at(range.end)]);
        }

        #[test]
        fn tiles_and_segments_cover_everything_once(budget in 1..40_u64, block in 1..5_u64, cut in 1..4_u64) {
            let part = |rows: Range<u64>| Part { view: vec![3, 4, 6], slice: Some((1, rows)), order: vec![0, 1, 2] };
            let layout = Layout::new(72, &[3, 4, 6], 1, &[part(0..cut), part(cut..4)], &[72, 72]).expect("it fits");
            let tiles = layout.tiles(budget, block);
            let mut next = 0;
            for tile in &tiles {
                prop_assert_eq!(tile.start, next);
                next = tile.end;
                let mut position = tile.start;
                for segment in layout.segments(tile.clone()) {
                    for index in 0..segment.length {
                        let source = layout.parts()[segment.part].offset(segment.start + index);
                        prop_assert_eq!(source, position + index, "both parts are slices of one tensor");
                    }
                    position += segment.length;
                }
                prop_assert_eq!(position, tile.end);
            }
            prop_assert_eq!(next, 72);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let part = |view: &[u64], order: &[usize]| Part {
            view: view.to_vec(),
            slice: None,
            order: order.to_vec(),
        };
        let transposed = part(&[2, 3], &[1, 0]);
        assert!(Layout::new(6, &[3, 2], 0, std::slice::from_ref(&transposed), &[6]).is_ok());
        for (view, axis, parts, sources) in [
            (vec![2, 3], 0, vec![transposed.clone()], vec![6]),
            (vec![3, 2], 2, vec![transposed.clone()], vec![6]),
            (vec![3, 2], 0, vec![transposed.clone()], vec![7]),
            (vec![6, 2], 0, vec![transposed.clone()], vec![6]),
            (vec![3, 2], 0, vec![part(&[3, 2], &[0, 0])], vec![6]),
            (vec![u64::MAX, u64::MAX], 0, vec![transposed], vec![6]),
        ] {
            assert!(Layout::new(6, &view, axis, &parts, &sources).is_err(), "{view:?}");
        }
        assert!(
            Layout::new(1, &[], 0, &[part(&[], &[])], &[1]).is_ok(),
            "a scalar"
        );
    }
}

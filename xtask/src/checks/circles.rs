//! Circles: files that use each other in a loop, so that none can be read before the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
};

/// Which file uses which names of which other file.
#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>);

/// The files of a circle.
pub(super) type Circle = BTreeSet<PathBuf>;

impl Uses {
    /// Adds that `user` uses `name`, which `definer` defines.
    pub(super) fn add(&mut self, user: &Path, definer: &Path, name: &str) {
        if user != definer {
            let used = self.0.entry(user.to_owned()).or_default();
            used.entry(definer.to_owned())
                .or_default()
                .insert(name.to_owned());
        }
    }

    fn of(&self, user: &Path) -> impl Iterator<Item = (&PathBuf, &BTreeSet<String>)> {
        self.0.get(user).into_iter().flatten()
    }

    /// Every file that `start` uses, directly or through others.
    fn reach(&self, start: &Path) -> BTreeSet<PathBuf> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start.to_owned()];
        while let Some(file) = open.pop() {
            for (used, _) in self.of(&file) {
                if reached.insert(used.clone()) {
                    open.push(used.clone());
                }
            }
        }
        reached
    }

    /// Returns every arrow as `user>definer`, relative to `root`.
    #[cfg(test)]
    pub(super) fn arrows(&self, root: &Path) -> Vec<String> {
        let short = |file: &Path| file.strip_prefix(root).unwrap().display().to_string();
        let arrows = self
            .0
            .iter()
            .flat_map(|(user, used)| used.keys().map(move |used| (user, used)));
        arrows
            .map(|(user, used)| format!("{}>{}", short(user), short(used)))
            .collect()
    }

    /// Returns the circle in words: its arrows, with the names that tie them; paths are relative to `root`.
    pub(super) fn describe(&self, circle: &Circle, root: &Path) -> String {
        let short = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string();
        let mut text = format!("a circle of {} files:\n", circle.len());
        for user in circle {
            for (used, names) in self.of(user).filter(|(used, _)| circle.contains(*used)) {
                let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                // Writing into a `String` cannot fail.
                let _ = writeln!(text, "  {} uses {}: {names}", short(user), short(used));
            }
        }
        text
    }
}

/// Returns the circles, each as the largest set of files of which every one reaches every other.
pub(super) fn find(uses: &Uses) -> BTreeSet<Circle> {
    let reach: BTreeMap<&PathBuf, _> = uses.0.keys().map(|file| (file, uses.reach(file))).collect();
    let circle_of = |file: &PathBuf| -> Circle {
        let reached = reach[file].iter();
        reached
            .filter(|other| reach.get(*other).is_some_and(|back| back.contains(file)))
            .cloned()
            .collect()
    };
    reach
        .iter()
        .filter(|(file, reached)| reached.contains(**file))
        .map(|(file, _)| circle_of(file))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(arrows: &[(&str, &str)]) -> Uses {
        let mut uses = Uses::default();
        for (user, used) in arrows {
            uses.add(Path::new(user), Path::new(used), "Name");
        }
        uses
    }

    #[test]
    fn a_loop_of_three_is_one_circle_and_what_hangs_on_it_is_outside() {
        let uses = uses(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("top", "a"),
            ("c", "leaf"),
            ("a", "a"),
        ]);
        let circles = find(&uses);
        let files: Vec<_> = circles
            .iter()
            .flatten()
            .map(|file| file.to_str().unwrap())
            .collect();
        assert_eq!((circles.len(), files), (1, vec!["a", "b", "c"]));
    }

    #[test]
    fn two_loops_that_touch_in_one_direction_are_two_circles() {
        let uses = uses(&[("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")]);
        assert_eq!(find(&uses).len(), 2);
    }

    #[test]
    fn layers_have_no_circle() {
        assert!(find(&uses(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
    }
}

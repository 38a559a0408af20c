//! The name that someone probably meant.

/// The candidate with the smallest edit distance, if that is near enough to be worth saying.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = 1 + name.chars().count() / 3;
    let scored = candidates.iter().filter(|c| c.len().abs_diff(name.len()) <= 4 * limit);
    let best = scored.map(|c| (distance(name, c), *c)).min()?;
    (best.0 <= limit).then_some(best.1)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("snowflak", &["hubspot", "snowflake"]), Some("snowflake"));
        assert_eq!(nearest("sara", &["bob", "tom"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

//! Limits of a document, checked before Cedar sees it: its parser recurses, and a deep document would end the process.

pub const DOCUMENT_MAX: usize = 256 * 1024;
pub const DEPTH_MAX: usize = 64;

/// The offset and the reason of the first excess.
pub fn excess(text: &str) -> Option<(usize, String)> {
    if text.len() > DOCUMENT_MAX {
        return Some((0, format!("the document has {} bytes, more than {DOCUMENT_MAX}", text.len())));
    }
    if let Some(offset) = text.find('\0') {
        return Some((offset, "the document has a NUL character".to_string()));
    }
    too_deep(text.as_bytes()).map(|offset| (offset, format!("brackets are nested deeper than {DEPTH_MAX}")))
}

/// Brackets outside strings and comments. Where this disagrees with Cedar's lexer, that one has already refused the token.
fn too_deep(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_end(bytes, at),
            b'(' | b'[' | b'{' if depth == DEPTH_MAX => return Some(at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => (),
        }
        at += 1;
    }
    None
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// Cedar's comments end at any of these: `//[^\n\r]*[\n\r]*`.
fn line_end(bytes: &[u8], start: usize) -> usize {
    let end = bytes[start..].iter().position(|b| *b == b'\n' || *b == b'\r');
    end.map_or(bytes.len(), |n| start + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_every_kind_of_bracket() {
        assert!(excess(&"([{".repeat(21)).is_none());
        assert!(excess(&"([{".repeat(22)).is_some());
        assert!(excess(&"()".repeat(1000)).is_none());
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        assert!(excess(&format!("\"{}\\\"{}\"", "(".repeat(90), "(".repeat(90))).is_none());
        assert!(excess(&format!("// {}\n(", "(".repeat(90))).is_none());
        assert!(excess(&format!("// \"\n{}", "(".repeat(90))).is_some());
        assert!(excess(&format!("// x\r{}", "(".repeat(90))).is_some());
        assert!(excess(&format!("\"a\\\\\"{}", "(".repeat(90))).is_some());
    }

    #[test]
    fn size_is_limited() {
        assert!(excess(&" ".repeat(DOCUMENT_MAX)).is_none());
        assert!(excess(&" ".repeat(DOCUMENT_MAX + 1)).is_some());
    }
}

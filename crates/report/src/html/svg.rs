//! A drawing that is written element by element.
//!
//! Every attribute and every text passes through one escape, so no name can leave its element, whoever chose it.
//! Colours are attributes, so that a drawing shows alike wherever it is opened; each part has a class as well, by
//! which a page may colour it for a dark screen. No `style` attribute is written, which the page's policy refuses.

use std::fmt::{Display, Write};

/// A drawing under way.
#[derive(Default)]
pub(super) struct Svg(String);

/// A name and what it is.
pub(super) type Attribute<'a> = (&'a str, &'a dyn Display);

impl Svg {
    /// Begin an element that holds others.
    pub(super) fn open(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.0.push('>');
    }

    /// End it.
    pub(super) fn close(&mut self, name: &str) {
        write!(self.0, "</{name}>").expect("text grows");
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.0.push_str("/>");
    }

    /// An element that holds text alone.
    pub(super) fn text(&mut self, name: &str, attributes: &[Attribute<'_>], content: &str) {
        self.open(name, attributes);
        self.0.push_str(&escape(content));
        self.close(name);
    }

    /// An element that the pointer is told about.
    pub(super) fn titled(&mut self, name: &str, attributes: &[Attribute<'_>], title: &str) {
        self.open(name, attributes);
        self.text("title", &[], title);
        self.close(name);
    }

    /// The finished text.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        write!(self.0, "<{name}").expect("text grows");
        for (attribute, value) in attributes {
            write!(self.0, " {attribute}=\"{}\"", escape(&value.to_string())).expect("text grows");
        }
    }
}

/// A length with one digit after the point, and none where it is not needed.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = crate::figure::fixed(self.0, 1);
        formatter.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_text_nor_attribute_can_leave_its_element() {
        let mut svg = Svg::default();
        svg.titled("g", &[("class", &"\" onload=\"x")], "</title><script>");
        assert_eq!(svg.finish(), "<g class=\"&quot; onload=&quot;x\"><title>&lt;/title&gt;&lt;script&gt;</title></g>");
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([Px(1.0), Px(0.25), Px(-0.01)].map(|px| px.to_string()), ["1", "0.2", "0"]);
    }
}

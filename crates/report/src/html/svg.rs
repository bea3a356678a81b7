//! A writer of SVG drawings, element by element.
//!
//! Every attribute and every text is escaped, so no name can leave its element, wherever it comes from. Colours are
//! attributes, so that a drawing looks the same in every program; each part has a class as well, by which a page can
//! recolour it for dark screens. No `style` attribute is written, since the page's policy refuses it.

use std::fmt::{Display, Write};

/// A drawing that is being written.
#[derive(Default)]
pub(super) struct Svg(String);

/// The name and the value of an attribute.
pub(super) type Attribute<'a> = (&'a str, &'a dyn Display);

impl Svg {
    /// Begins an element that holds others.
    pub(super) fn open(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.0.push('>');
    }

    /// Ends the element with this name.
    pub(super) fn close(&mut self, name: &str) {
        write!(self.0, "</{name}>").expect("text grows");
    }

    /// Writes an element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.0.push_str("/>");
    }

    /// Writes an element that holds text alone.
    pub(super) fn text(&mut self, name: &str, attributes: &[Attribute<'_>], content: &str) {
        self.open(name, attributes);
        self.0.push_str(&escape(content));
        self.close(name);
    }

    /// Writes an element with a title, which browsers show as a tooltip.
    pub(super) fn titled(&mut self, name: &str, attributes: &[Attribute<'_>], title: &str) {
        self.open(name, attributes);
        self.text("title", &[], title);
        self.close(name);
    }

    /// The text of the drawing.
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

/// A length with one digit after the point, or none where it is 0.
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

//! Second names of nnU-Net's tensors.
//!
//! A checkpoint holds most tensors several times: the decoder keeps a reference to the encoder (`decoder.encoder.…`),
//! and each convolution and norm is also a member of its block (`…convs.0.all_modules.0.weight`). They are one tensor,
//! so a second name is ignored if the first is present, and is an error if the two differ.

/// Returns the first name of a tensor for one of its other names in nnU-Net; `None` if `name` is the first.
pub(crate) fn canonical(name: &str) -> Option<String> {
    let shorter = name.strip_prefix("decoder.encoder.").map(|rest| format!("encoder.{rest}"));
    let start = shorter.as_deref().unwrap_or(name);
    let member = [(".all_modules.0.", ".conv."), (".all_modules.1.", ".norm.")]
        .into_iter()
        .find(|(member, _)| start.contains(".convs.") && start.contains(member));
    match member {
        Some((member, first)) => Some(start.replacen(member, first, 1)),
        None => shorter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_names_lead_to_the_first() {
        let check = |name: &str, first: Option<&str>| assert_eq!(canonical(name).as_deref(), first, "{name}");
        check("encoder.stages.0.0.convs.1.conv.weight", None);
        check("decoder.seg_layers.0.bias", None);
        check("encoder.stages.0.0.convs.1.all_modules.0.bias", Some("encoder.stages.0.0.convs.1.conv.bias"));
        check("decoder.encoder.stages.2.0.convs.0.norm.weight", Some("encoder.stages.2.0.convs.0.norm.weight"));
        let both = "decoder.encoder.stages.2.0.convs.0.all_modules.1.weight";
        check(both, Some("encoder.stages.2.0.convs.0.norm.weight"));
        check("decoder.stages.1.convs.0.all_modules.1.bias", Some("decoder.stages.1.convs.0.norm.bias"));
    }
}

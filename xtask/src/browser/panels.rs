//! The audit's threshold and the ledger's timeline, compared with their sources.

use super::chromium::Tab;
use crate::Failure;
use lacuna_report::html::Timeline;
use serde_json::Value;
use std::path::Path;

/// At every threshold the page shows the rates that follow from audit.json; the chart can be dragged.
pub fn check_audit(tab: &mut Tab<'_>, file: &Path) -> Result<usize, Failure> {
    let audit: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    tab.evaluate("document.getElementById('tab-audit').click()")?;
    let results = audit["results"].as_array().ok_or("an audit without results")?;
    let (mut looked, mut index) = (0, 0);
    for result in results {
        let scores = &result["attacks"]["lira"]["scores"];
        let of = |arm: &str| -> Vec<f64> {
            scores[arm].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let (unlearned, retrained) = (of("unlearned"), of("retrained"));
        if unlearned.is_empty() {
            continue;
        }
        let part = format!("document.querySelector('.attack[data-place=\"{index}\"]')");
        for step in [0, 250, 500, 731, 1000] {
            tab.evaluate(&format!(
                "{{ const slider = {part}.querySelector('input'); slider.value = {step}; slider.dispatchEvent(new Event('input')); }}"
            ))?;
            let line = tab.evaluate(&format!("Object.assign({{}}, {part}.querySelector('.threshold').dataset)"))?;
            let [low, high] = ["low", "high"].map(|name| line[name].as_str().and_then(|text| text.parse::<f64>().ok()));
            let (low, high) = low.zip(high).ok_or("a threshold without ends")?;
            let threshold = low + (high - low) * f64::from(step) / 1000.0;
            let above = |values: &[f64]| values.iter().filter(|&&score| score >= threshold).count();
            let expected = format!(
                "{} of {} unlearned models found, {} of {} retrained ones accused",
                above(&unlearned),
                unlearned.len(),
                above(&retrained),
                retrained.len()
            );
            let found = tab.evaluate(&format!("{part}.querySelector('output').textContent"))?;
            if !found.as_str().unwrap_or_default().contains(&expected) {
                return Err(format!("the page says `{found}`, audit.json `{expected}`").into());
            }
            looked += 1;
        }
        tab.evaluate(&format!("{part}.scrollIntoView({{ block: 'center' }})"))?;
        let [x, y, width, height] = tab.rectangle_of(&format!(".attack[data-place=\"{index}\"] figure svg"))?;
        let slider = format!("Number({part}.querySelector('input').value)");
        tab.drag([x + width * 0.9, y + height / 2.0], [x + width * 0.5, y + height / 2.0])?;
        let found = tab.evaluate(&slider)?.as_f64().unwrap_or(-1.0);
        // The axis begins 84 of 460 units from the left and ends 30 from the right.
        let expected = (0.5 * 460.0 - 84.0) / (460.0 - 84.0 - 30.0) * 1000.0;
        if (found - expected).abs() > 15.0 {
            return Err(format!("dragged to the middle, the slider is at {found}, expected {expected:.0}").into());
        }
        looked += 1;
        index += 1;
    }
    if index == 0 { Err("no scores to look at".into()) } else { Ok(looked) }
}

/// The timeline holds every event, in order.
pub fn check_ledger(tab: &mut Tab<'_>, ledger: &Timeline) -> Result<usize, Failure> {
    tab.evaluate("document.getElementById('tab-ledger').click()")?;
    let found = tab.evaluate("[...document.querySelectorAll('.timeline strong')].map(event => event.textContent)")?;
    let expected: Vec<&str> = ledger.events.iter().map(|event| event.what.as_str()).collect();
    if found == serde_json::json!(expected) {
        Ok(expected.len())
    } else {
        Err(format!("the ledger shows {found}").into())
    }
}

/// Checks that no name with markup becomes an element, an attribute or a script of the page.
pub fn check_hostile(tab: &mut Tab<'_>) -> Result<(), Failure> {
    let found = tab.evaluate(
        "[typeof injected, document.querySelectorAll('img, iframe, object, embed, link, base, form').length, \
         [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length, \
         [...document.scripts].filter(s => !s.type).length].join()",
    )?;
    if found == "undefined,0,0,1" { Ok(()) } else { Err(format!("hostile names brought {found}").into()) }
}

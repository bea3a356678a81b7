//! Scans and what models say of them, for the report.
//!
//! The report crate draws arrays and knows no network, so models are run here. A subject that may not be shown is not
//! even predicted.

mod run;
mod study;

pub use run::of_run;
pub use study::of_study;

use crate::error::CliError;
use lacuna_cohort::{Case, SubjectId, load};
use lacuna_inference::predict;
use lacuna_nn::{Device, Network};
use lacuna_report::Role;
use lacuna_report::html::{Images, ModelKind, SaidMap, Seen};
use lacuna_study::Data;
use lacuna_volume::{AxisOrder, ClassMap, canonical_order, reorder};
use std::collections::BTreeSet;

/// A model that is asked.
pub struct Asked<'a> {
    /// Which of the three it is.
    pub kind: ModelKind,
    /// What tells it from others of its kind.
    pub name: String,
    pub network: &'a Network,
}

/// So many scans are shown at most: a reader compares models, and each scan takes its share of the page.
const SCANS_MAX: usize = 4;

/// The subjects to show: one of each role in turn, the forgotten first, those never seen second; none whom any run of
/// the page forgets unless all are asked for.
pub fn chosen(
    images: Images,
    sides: &[(Role, BTreeSet<SubjectId>)],
    forgotten: &BTreeSet<SubjectId>,
) -> Vec<(SubjectId, Role)> {
    let of = |role: Role| -> Vec<(SubjectId, Role)> {
        let own = sides.iter().filter(|(side, _)| *side == role && images.shows(role));
        let may = |subject: &&SubjectId| images == Images::All || !forgotten.contains(*subject);
        own.flat_map(|(_, subjects)| subjects.iter().filter(may)).map(|subject| (subject.clone(), role)).collect()
    };
    let queues = [Role::Forget, Role::HeldOut, Role::Retain, Role::ForgottenEarlier].map(of);
    let longest = queues.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|index| queues.iter().filter_map(move |queue| queue.get(index)));
    in_turn.take(SCANS_MAX).cloned().collect()
}

/// The first scan of each, as labelled and as every model has it, in canonical order.
///
/// # Errors
/// An image that is no longer as it was, or a prediction that is not finite.
pub fn seen(
    data: &Data,
    device: &Device,
    people: &[(SubjectId, Role)],
    models: &[Asked<'_>],
) -> Result<Vec<Seen>, CliError> {
    let one = |(subject, role): &(SubjectId, Role)| -> Result<Seen, CliError> {
        let case = data.of(&BTreeSet::from([subject.clone()]))[0];
        let scan = data.cohort.scans_of(subject).iter().find(|scan| scan.name == case.scan);
        let scan = load(scan.expect("a case is of a scan of its cohort"), &data.cohort.read)?;
        let order = canonical_order(&scan.images[0].grid().affine);
        let image = reorder(&scan.images[0], &order);
        let said = models.iter().map(|asked| {
            let classes = said(case, asked.network, device, &order)?.into_voxels();
            Ok(SaidMap { kind: asked.kind, name: asked.name.clone(), classes })
        });
        Ok(Seen {
            subject: subject.to_string(),
            role: *role,
            dims: image.grid().dims,
            spacing_mm: image.grid().affine.spacing().0,
            reference: reorder(&case.voxels()?.truth, &order).into_voxels(),
            said: said.collect::<Result<_, CliError>>()?,
            image: image.into_voxels(),
        })
    };
    people.iter().map(one).collect()
}

/// What a network says of a scan on the image's own grid, in an order of its axes.
///
/// # Errors
/// A prediction that is not finite.
pub fn said(case: &Case, network: &Network, device: &Device, order: &AxisOrder) -> Result<ClassMap, CliError> {
    let prediction = predict(network, case, device)?;
    Ok(reorder(&case.inverse_transform.probabilities_to_image(&prediction.probabilities, prediction.shape)?, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> BTreeSet<SubjectId> {
        names.iter().map(|name| SubjectId::new(name.to_string()).unwrap()).collect()
    }

    #[test]
    fn nobody_who_is_forgotten_is_chosen_unless_all_are_asked_for() {
        let sides = [
            (Role::Retain, ids(&["b", "c", "d"])),
            (Role::Forget, ids(&["a"])),
            (Role::HeldOut, ids(&["e", "f"])),
            (Role::ForgottenEarlier, ids(&["g"])),
        ];
        // Another run of the page forgets c.
        let names = |images| -> String {
            chosen(images, &sides, &ids(&["a", "c"])).iter().map(|(subject, _)| subject.as_str()).collect()
        };
        assert_eq!(names(Images::None), "");
        assert_eq!(names(Images::Others), "ebfd");
        assert_eq!(names(Images::All), "aebg");
    }
}

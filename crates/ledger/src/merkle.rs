//! The Merkle tree of RFC 6962, section 2.1: one root for all events, and short proofs for each of them.
//!
//! `MTH({}) = SHA-256()`, `MTH({d}) = SHA-256(0x00 || d)`, and for n > 1 with k the largest power of two below n,
//! `MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))`. The two prefixes keep a node from passing as a leaf.
//!
//! Proofs are made by the recursion of RFC 6962 and checked by the loop of RFC 9162, 2.1.3.2, so the
//! checker shares no code with the prover.

use crate::Digest;

/// A Merkle tree, stored as the hashes of its leaves.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    leaves: Vec<Digest>,
}

/// The hash of a leaf with this data.
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest::of(&[&[0], data])
}

/// The hash of the parent of two nodes.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], &left.0, &right.0])
}

impl Tree {
    /// The tree above these leaf hashes.
    pub fn new(leaves: Vec<Digest>) -> Tree {
        Tree { leaves }
    }

    /// The number of leaves.
    pub fn size(&self) -> usize {
        self.leaves.len()
    }

    /// The root of the first `size` leaves.
    ///
    /// # Panics
    /// If the tree has fewer leaves.
    pub fn root(&self, size: usize) -> Digest {
        root(&self.leaves[..size])
    }

    /// The inclusion proof of leaf `index` in the tree of the first `size` leaves: its siblings on the path to the
    /// root, the lowest first; `PATH(index, D[size])` of RFC 6962, 2.1.1.
    ///
    /// # Panics
    /// Unless `index < size <= self.size()`.
    pub fn inclusion(&self, index: usize, size: usize) -> Vec<Digest> {
        assert!(index < size, "a leaf is proven to be in a tree that holds it");
        path(index, &self.leaves[..size])
    }
}

/// Whether the inclusion proof leads from a leaf to the root of `size` leaves.
pub fn verify_inclusion(leaf: &Digest, index: usize, size: usize, proof: &[Digest], root: &Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut below, sibling) =
        if index < k { (path(index, left), root(right)) } else { (path(index - k, right), root(left)) };
    below.push(sibling);
    below
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The leaves of the test tree that Certificate Transparency's implementations share.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    fn known() -> Tree {
        Tree::new(LEAVES.iter().map(|leaf| leaf_hash(leaf)).collect())
    }

    fn numbered(count: usize) -> Tree {
        Tree::new((0..count).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect())
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(known().root(size).to_string(), *root, "{size} leaves");
        }
    }

    #[test]
    fn proofs_are_those_of_the_example_in_rfc_6962() {
        // Section 2.1.3: of seven leaves d0..d6 with hashes a b c d e f j, and g = ab, h = cd, i = ef, k = gh, l = ij:
        //   PATH(0) = [b, h, l], PATH(3) = [c, g, l], PATH(4) = [f, j, k], PATH(6) = [i, k].
        let tree = known();
        let [a, b, c, d, e, f, j] = tree.leaves[..7] else { unreachable!() };
        let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d), node_hash(&e, &f));
        let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
        assert_eq!(tree.root(7), node_hash(&k, &l));
        assert_eq!(tree.inclusion(0, 7), [b, h, l]);
        assert_eq!(tree.inclusion(3, 7), [c, g, l]);
        assert_eq!(tree.inclusion(4, 7), [f, j, k]);
        assert_eq!(tree.inclusion(6, 7), [i, k]);
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_nowhere_else() {
        let tree = numbered(33);
        for size in 1..=33 {
            let root = tree.root(size);
            for index in 0..size {
                let proof = tree.inclusion(index, size);
                let holds = |leaf: usize, index| verify_inclusion(&tree.leaves[leaf], index, size, &proof, &root);
                assert!(holds(index, index), "{index} of {size}");
                assert!(!holds(index, size), "an index past the end");
                for other in (0..size).filter(|other| *other != index) {
                    assert!(!holds(other, index) && !holds(index, other), "{other} for {index} of {size}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_proof_with_a_flipped_bit_a_node_too_many_or_too_few_fails(
            size in 2usize..80, index in any::<prop::sample::Index>(), node in any::<prop::sample::Index>(), bit in 0usize..256,
        ) {
            let tree = numbered(size);
            let index = index.index(size);
            let (leaf, root) = (tree.leaves[index], tree.root(size));
            let proof = tree.inclusion(index, size);
            let mut flipped = proof.clone();
            flipped[node.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify_inclusion(&leaf, index, size, &flipped, &root));
            prop_assert!(!verify_inclusion(&leaf, index, size, &proof[1..], &root));
            prop_assert!(!verify_inclusion(&leaf, index, size, &[proof.clone(), vec![root]].concat(), &root));
        }
    }
}

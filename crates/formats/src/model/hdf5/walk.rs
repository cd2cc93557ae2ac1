//! Walk from the root to every dataset.

use super::attribute;
use super::dataset::{self, Dataset, Used};
use super::file::File;
use super::group::{self, Target};
use super::header::{self, Header, kind};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::catalog::{Catalog, twice};
use crate::model::listing::{Listing, Tensor};
use std::collections::HashMap;

/// Groups inside each other that are followed.
const DEPTH: usize = 64;

/// Soft links that lead to soft links.
const SOFT_LINKS: usize = 16;

/// Read the file.
pub(super) fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let file = File::open(input)?;
    let mut walk = Walk {
        catalog: Catalog::new(input.length()),
        above: Vec::new(),
        path: String::new(),
        datasets: HashMap::new(),
        names: Vec::new(),
        soft: HashMap::new(),
        used: Used::default(),
        file: &file,
    };
    let root = header::read(&file, file.root)?;
    walk.metadata(&root)?;
    walk.above.push(file.root);
    walk.group(&root)?;
    walk.soft_links()?;
    walk.finish()
}

struct Walk<'a, 'b> {
    file: &'a File<'b>,
    catalog: Catalog,
    /// Groups from the root to the present one.
    above: Vec<u64>,
    path: String,
    /// The first tensor of each dataset, and its place in `names`, by the address of its header.
    datasets: HashMap<u64, (usize, usize)>,
    /// Every name of each dataset.
    names: Vec<Vec<String>>,
    /// Paths of soft links, and the paths that they lead to.
    soft: HashMap<String, String>,
    used: Used,
}

impl Walk<'_, '_> {
    fn metadata(&mut self, root: &Header) -> Result<(), FormatError> {
        let catalog = &mut self.catalog;
        attribute::texts(self.file, root, &mut |attribute| {
            let value = match (attribute.scalar, &attribute.values[..]) {
                (true, [value]) => value.clone(),
                (_, values) => serde_json::to_string(values)
                    .map_err(|error| FormatError::internal(format!("text that is no JSON: {error}")))?,
            };
            catalog.charge(attribute.name.len() + value.len())?;
            catalog.listing.metadata.push((attribute.name, value));
            Ok(())
        })?;
        self.catalog.listing.metadata.sort();
        Ok(())
    }

    fn group(&mut self, header: &Header) -> Result<(), FormatError> {
        if self.above.len() > DEPTH {
            return Err(FormatError::new("groups are nested too deep")
                .with_expected(format!("at most {DEPTH} levels"), "more"));
        }
        let mut links = Vec::new();
        let mut charged = 0;
        let catalog = &mut self.catalog;
        group::links(self.file, header, &mut |link| {
            catalog.charge(link.name.len() + 64)?;
            charged += link.name.len() + 128;
            links.push(link);
            Ok(())
        })?;
        links.sort_by(|one, other| one.name.cmp(&other.name));
        let length = self.path.len();
        for index in 0..links.len() {
            let link = &links[index];
            if length > 0 {
                self.path.push('/');
            }
            self.path.push_str(&link.name);
            self.file.spend(self.path.len() as u64)?;
            if index > 0 && links[index - 1].name == link.name {
                return Err(twice(&self.path));
            }
            self.link(&link.target)?;
            self.path.truncate(length);
        }
        if charged > 0 {
            self.catalog.release(charged - 64);
        }
        Ok(())
    }

    fn link(&mut self, target: &Target) -> Result<(), FormatError> {
        match target {
            Target::Hard(address) => self.object(*address),
            Target::Soft(path) => {
                let parent = self.path.rfind('/').map_or("", |end| &self.path[..end]);
                let target = absolute(parent, path);
                self.catalog.charge(self.path.len() + target.len() + 64)?;
                self.soft.insert(self.path.clone(), target);
                Ok(())
            }
            Target::External => Err(FormatError::unsupported(
                "it is an external link, which leads to another file; those are not read",
            )
            .tensor(&self.path)),
            Target::Other(class) => Err(FormatError::unsupported(format!(
                "it is a link of class {class}, which only its writer can follow"
            ))
            .tensor(&self.path)),
        }
    }

    fn object(&mut self, address: u64) -> Result<(), FormatError> {
        if let Some((tensor, names)) = self.datasets.get(&address).copied() {
            return self.another_name(tensor, names);
        }
        if self.above.contains(&address) {
            return self
                .catalog
                .not_read(&self.path, "It is a link back to a group that it is in.");
        }
        let header = header::read(self.file, address).map_err(|error| error.tensor(&self.path))?;
        if header.find(kind::LAYOUT).is_some() {
            return self.dataset(address, &header);
        }
        let of_group = [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK];
        if of_group.iter().any(|kind| header.find(*kind).is_some()) {
            self.above.push(address);
            self.group(&header)?;
            self.above.pop();
            return Ok(());
        }
        self.catalog.not_read(
            &self.path,
            "It is a named type, or another object without elements.",
        )
    }

    fn dataset(&mut self, address: u64, header: &Header) -> Result<(), FormatError> {
        self.used.current = self.names.len();
        let dataset = dataset::read(self.file, header, &mut self.used);
        match dataset.map_err(|error| error.tensor(&self.path))? {
            Dataset::NoTensor(reason) => self.catalog.not_read(&self.path, reason),
            Dataset::Unknown(dtype) => self.catalog.unknown(&self.path, &dtype),
            Dataset::Tensor {
                dtype,
                shape,
                elements,
            } => {
                self.datasets
                    .insert(address, (self.catalog.listing.tensors.len(), self.names.len()));
                self.catalog.charge(self.path.len() + 128)?;
                self.names.push(vec![self.path.clone()]);
                self.catalog.tensor(Tensor {
                    name: self.path.clone(),
                    dtype,
                    shape,
                    elements,
                })
            }
        }
    }

    /// List a tensor under another name.
    fn another_name(&mut self, tensor: usize, names: usize) -> Result<(), FormatError> {
        let mut tensor = self.catalog.listing.tensors[tensor].clone();
        tensor.name.clone_from(&self.path);
        self.catalog.charge(self.path.len())?;
        self.names[names].push(self.path.clone());
        self.catalog.tensor(tensor)
    }

    /// List the datasets that soft links lead to.
    fn soft_links(&mut self) -> Result<(), FormatError> {
        let soft = std::mem::take(&mut self.soft);
        let mut known: HashMap<String, (usize, usize)> = HashMap::new();
        for (tensor, names) in self.datasets.values() {
            for name in &self.names[*names] {
                self.catalog.charge(name.len())?;
                known.insert(name.clone(), (*tensor, *names));
            }
        }
        let mut paths: Vec<&String> = soft.keys().collect();
        paths.sort_unstable();
        for path in paths {
            let mut target = &soft[path];
            for _ in 0..SOFT_LINKS {
                target = soft.get(target).unwrap_or(target);
            }
            self.path.clone_from(path);
            match known.get(target) {
                Some((tensor, names)) => self.another_name(*tensor, *names)?,
                None => self
                    .catalog
                    .not_read(path, "It is a soft link to no dataset, and is not followed.")?,
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Listing, FormatError> {
        self.used.spans.sort_unstable();
        let mut pairs = self.used.spans.windows(2);
        if let Some([one, other]) = pairs.find(|pair| pair[0].1 > pair[1].0) {
            let name = |number: usize| self.names.get(number).map_or("", |names| names[0].as_str());
            let message = format!("its bytes overlap those of {:?}", name(one.2));
            return Err(FormatError::new(message).tensor(name(other.2)));
        }
        self.catalog.listing.shared = self.names.into_iter().filter(|names| names.len() > 1).collect();
        self.catalog.finish()
    }
}

/// Return the path from the root that a soft link in the group `parent` leads to, without the first `/`.
fn absolute(parent: &str, path: &str) -> String {
    let mut whole = String::new();
    let from = if path.starts_with('/') { "" } else { parent };
    for part in from.split('/').chain(path.split('/')) {
        if part.is_empty() || part == "." {
            continue;
        }
        if !whole.is_empty() {
            whole.push('/');
        }
        whole.push_str(part);
    }
    whole
}

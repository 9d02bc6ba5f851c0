//! What a WebAssembly file is made of, read without running it.

use std::collections::BTreeMap;

use serde::Serialize;
use wasmparser::{ComponentTypeRef, Encoding, Instance, KnownCustom, Parser, Payload};

/// Bytes of a page of memory.
const PAGE: u64 = 1 << 16;

/// What a host gives, versions aside: the log, and the types that a plugin's own exports use.
const GIVEN: &[&str] = &["weir:plugin/log", "weir:plugin/types"];

/// Whether every host gives this import.
pub fn given(name: &str) -> bool {
    let (name, _) = split(name);
    GIVEN.contains(&name)
}

/// Name and version of `name@version`.
pub fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('@').map_or((name, None), |(name, version)| (name, Some(version)))
}

/// Imports, exports and needs of a component.
#[derive(Debug, Default)]
pub struct Parts {
    /// Whether it is a component, not a core module.
    pub component: bool,
    /// Names of imports, outermost only, sorted.
    pub imports: Vec<String>,
    /// The same of exports.
    pub exports: Vec<String>,
    /// What an instance takes.
    pub needs: Needs,
    /// What it was made with, as its `producers` sections say: language or tool, and version.
    pub producers: BTreeMap<String, String>,
}

/// What one instance of a component takes before its first call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Linear memory in bytes, all memories together.
    pub memory: u64,
    /// Memories.
    pub memories: u32,
    /// Elements of tables, all tables together.
    pub table_elements: u64,
    /// Tables.
    pub tables: u32,
    /// Core instances.
    pub core_instances: u32,
}

impl Parts {
    /// Reads a file's structure.
    ///
    /// # Errors
    /// What is wrong with it, where it is no WebAssembly or damaged.
    pub fn read(bytes: &[u8]) -> Result<Parts, String> {
        if !bytes.starts_with(b"\0asm") {
            return Err("not WebAssembly".into());
        }
        let mut parts = Parts::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|e| format!("damaged: {e}"))?;
            match &payload {
                Payload::Version { encoding, .. } => {
                    depth += 1;
                    if depth == 1 {
                        parts.component = *encoding == Encoding::Component;
                    }
                }
                Payload::End(_) => depth -= 1,
                _ => {}
            }
            parts.take(&payload, depth == 1).map_err(|e| format!("damaged: {e}"))?;
        }
        parts.imports.sort();
        parts.exports.sort();
        Ok(parts)
    }

    fn take(&mut self, payload: &Payload<'_>, outermost: bool) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::ComponentImportSection(section) if outermost => {
                for import in section.clone() {
                    let import = import?;
                    // A type that is only named takes nothing from the host.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        self.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section.clone() {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) if outermost && !self.component => {
                for import in section.clone().into_imports() {
                    let import = import?;
                    self.imports.push(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) if outermost && !self.component => {
                for export in section.clone() {
                    self.exports.push(export?.name.to_owned());
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { .. } = instance? {
                        self.needs.core_instances += 1;
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    self.needs.memories += 1;
                    self.needs.memory =
                        self.needs.memory.saturating_add(memory?.initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    self.needs.tables += 1;
                    self.needs.table_elements = self.needs.table_elements.saturating_add(table?.ty.initial);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    for field in fields {
                        for value in field?.values {
                            let value = value?;
                            self.producers.insert(value.name.to_owned(), value.version.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

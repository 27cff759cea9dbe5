//! The fields of one record: known ones once each, required ones present, values of the right kind.

use crate::diagnostic::Code;
use crate::spec::fault::Faults;
use crate::spec::names;
use crate::spec::syntax::{Expression, Field, FieldValue, Record};
use proc_macro2::Span;

/// A record under the name that stands before it.
pub(super) struct Section<'a> {
    name: &'a str,
    span: Span,
    fields: Vec<&'a Field>,
}

impl<'a> Section<'a> {
    /// Takes stock of a record; fields that are not `known`, or that stand twice, are reported.
    pub(super) fn open(
        name: &'a str,
        span: Span,
        record: &'a Record,
        known: &[&'static str],
        faults: &mut Faults,
    ) -> Self {
        let mut fields: Vec<&'a Field> = Vec::new();
        for field in &record.fields {
            let Field { name: field_name, .. } = field;
            if !known.contains(&field_name.node.as_str()) {
                faults.push_help(
                    Code::SpecUnknownName,
                    field_name.span,
                    format!("{name} has no field `{}`", field_name.node),
                    names::advice(&field_name.node, known.iter().copied()),
                );
            } else if fields.iter().any(|other| other.name.node == field_name.node) {
                let cause = format!("`{}` of {name} stands twice", field_name.node);
                faults.push(Code::SpecDuplicate, field_name.span, cause);
            } else {
                fields.push(field);
            }
        }
        Self { name, span, fields }
    }

    /// Whether it has a field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.find(field).is_some()
    }

    /// Where its name stands.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// The expression of a field that may be left out. The outer option is for faults.
    pub(super) fn optional(&self, field: &str, faults: &mut Faults) -> Option<Option<&'a Expression>> {
        match self.find(field) {
            None => Some(None),
            Some(Field { value: FieldValue::Expression(expression), .. }) => Some(Some(expression)),
            Some(Field { name, value: FieldValue::Record(_) }) => {
                let cause = format!("`{field}` of {} is a value, not fields in braces", self.name);
                faults.push(Code::SpecValue, name.span, cause);
                None
            }
        }
    }

    /// The expression of a field that must be there.
    pub(super) fn required(&self, field: &str, faults: &mut Faults) -> Option<&'a Expression> {
        self.demand(field, faults)?;
        self.optional(field, faults)?
    }

    /// The record of a field that may be left out, as a section. The outer option is for faults.
    pub(super) fn optional_section(
        &self,
        field: &str,
        known: &[&'static str],
        faults: &mut Faults,
    ) -> Option<Option<Section<'a>>> {
        match self.find(field) {
            None => Some(None),
            Some(Field { name, value: FieldValue::Record(record) }) => {
                Some(Some(Section::open(&name.node, name.span, record, known, faults)))
            }
            Some(Field { value: FieldValue::Expression(expression), .. }) => {
                let known = names::list(known.iter().copied());
                let cause = format!("`{field}` of {} takes fields in braces: {known}", self.name);
                faults.push(Code::SpecValue, expression.span, cause);
                None
            }
        }
    }

    /// The record of a field that must be there, as a section.
    pub(super) fn required_section(
        &self,
        field: &str,
        known: &[&'static str],
        faults: &mut Faults,
    ) -> Option<Section<'a>> {
        self.demand(field, faults)?;
        self.optional_section(field, known, faults)?
    }

    fn find(&self, field: &str) -> Option<&'a Field> {
        self.fields.iter().find(|candidate| candidate.name.node == field).copied()
    }

    fn demand(&self, field: &str, faults: &mut Faults) -> Option<()> {
        if self.find(field).is_none() {
            faults.push(Code::SpecMissing, self.span, format!("{} lacks the field `{field}`", self.name));
            return None;
        }
        Some(())
    }
}

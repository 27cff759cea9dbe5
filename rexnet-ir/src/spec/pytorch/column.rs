//! A property of the blocks: what each has, and whether rows say it.

/// A property of the blocks.
#[derive(Debug)]
pub(super) struct Column {
    name: &'static str,
    annotation: &'static str,
    meaning: &'static str,
    /// Whether blocks differ; otherwise [`Column::value`] is what all have.
    varies: bool,
    /// Whether rows have no field for it, although blocks differ, since another says it.
    implied: bool,
    /// What a row has that leaves the field out.
    default: Option<String>,
    /// For each block that is no identity; `None` where the block does not ask.
    cells: Vec<Option<String>>,
}

impl Column {
    pub(super) fn new(
        name: &'static str,
        annotation: &'static str,
        meaning: &'static str,
        cells: impl Iterator<Item = Option<String>>,
    ) -> Self {
        let cells: Vec<Option<String>> = cells.collect();
        let mut asked = cells.iter().flatten();
        let varies = asked.next().is_some_and(|first| asked.any(|other| other != first));
        Self { name, annotation, meaning, varies, implied: false, default: None, cells }
    }

    pub(super) fn whole(
        name: &'static str,
        meaning: &'static str,
        cells: impl Iterator<Item = usize>,
    ) -> Self {
        Self::new(name, "int", meaning, cells.map(|cell| Some(cell.to_string())))
    }

    pub(super) fn flag(
        name: &'static str,
        meaning: &'static str,
        cells: impl Iterator<Item = Option<bool>>,
    ) -> Self {
        let literal = |flag| if flag { "True" } else { "False" };
        Self::new(name, "bool", meaning, cells.map(|cell| cell.map(literal).map(str::to_owned)))
    }

    pub(super) fn function(
        name: &'static str,
        meaning: &'static str,
        cells: impl Iterator<Item = Option<&'static str>>,
    ) -> Self {
        Self::new(name, "type[nn.Module]", meaning, cells.map(|cell| cell.map(str::to_owned)))
    }

    /// The same with another comment.
    pub(super) fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// The same, in the table whatever the cells.
    pub(super) fn always(self) -> Self {
        Self { varies: true, ..self }
    }

    /// The same, where rows may leave out this value.
    pub(super) fn or(self, default: &str) -> Self {
        Self { default: Some(default.to_owned()), ..self }
    }

    /// The same, where rows may leave out the most frequent value, of equally frequent ones the first.
    pub(super) fn or_most_frequent(self) -> Self {
        let count = |cell: &String| self.cells.iter().flatten().filter(|&other| other == cell).count();
        let default = self.cells.iter().flatten().rev().max_by_key(|&cell| count(cell)).cloned();
        Self { default, ..self }
    }

    /// The same, read from what another field says.
    pub(super) fn implied_by(self, name: &'static str) -> Self {
        Self { name, implied: true, ..self }
    }

    /// The expression for a block's value: `row.name`, or the value of all.
    pub(super) fn value(&self) -> String {
        match self.constant() {
            Some(constant) => constant.to_owned(),
            None => format!("row.{}", self.name),
        }
    }

    /// Whether rows have a field for it.
    pub(super) fn is_field(&self) -> bool {
        self.varies && !self.implied
    }

    /// The field's line in the class of rows.
    pub(super) fn declaration(&self) -> String {
        let Self { name, annotation, meaning, default, .. } = self;
        let default = default.as_ref().map_or(String::new(), |default| format!(" = {default}"));
        let comment = if meaning.is_empty() { String::new() } else { format!("  # {meaning}") };
        format!("{name}: {annotation}{default}{comment}")
    }

    /// The field of a row, counted without identities; `None` where the row leaves it out.
    pub(super) fn field(&self, row: usize) -> Option<String> {
        let cell = self.cells[row].as_ref().filter(|&cell| Some(cell) != self.default.as_ref())?;
        Some(format!("{}={cell}", self.name))
    }

    /// Whether blocks that ask have what `other` has.
    pub(super) fn agrees_with(&self, other: &Column) -> bool {
        self.cells.iter().zip(&other.cells).all(|(own, other)| own.is_none() || own == other)
    }

    /// What all blocks that ask have; `None` where rows say it, or nobody asks.
    pub(super) fn constant(&self) -> Option<&str> {
        if self.varies { None } else { self.cells.iter().flatten().next().map(String::as_str) }
    }

    /// Whether blocks differ.
    pub(super) fn varies(&self) -> bool {
        self.varies
    }

    /// Whether a block asks.
    pub(super) fn is_asked(&self) -> bool {
        self.cells.iter().any(Option::is_some)
    }

    /// Whether a block has this value.
    pub(super) fn holds(&self, value: &str) -> bool {
        self.cells.iter().flatten().any(|cell| cell == value)
    }

    /// Whether a block has another value.
    pub(super) fn holds_other_than(&self, value: &str) -> bool {
        self.cells.iter().flatten().any(|cell| cell != value)
    }
}

use std::fmt;

use sqlparser::ast::{ColumnDef, ColumnOption, ColumnOptionDef, DataType, Expr};

use super::names::fold;

/// How a column gets its values from a sequence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    Serial,
    Identity,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serial => "a serial column",
            Self::Identity => "an identity column",
        })
    }
}

/// The sequence that comes with a column, if one does.
pub(super) fn sequence(column: &ColumnDef) -> Option<Sequence> {
    if is_serial(&column.data_type) {
        Some(Sequence::Serial)
    } else if column
        .options
        .iter()
        .any(|option| is_identity(&option.option))
    {
        Some(Sequence::Identity)
    } else {
        None
    }
}

/// Whether a column's default calls `nextval`.
pub(super) fn has_nextval_default(column: &ColumnDef) -> bool {
    column.options.iter().any(|option| match &option.option {
        ColumnOption::Default(value) => calls_nextval(value),
        _ => false,
    })
}

/// Whether PostgreSQL's parser counts an option among a column's constraints, as Citus does.
pub(super) fn is_constraint(option: &ColumnOptionDef) -> bool {
    !matches!(
        option.option,
        ColumnOption::Collation(_) | ColumnOption::GenericOptions(_)
    )
}

fn is_serial(data_type: &DataType) -> bool {
    const SERIAL: [&str; 6] = [
        "smallserial",
        "serial2",
        "serial",
        "serial4",
        "bigserial",
        "serial8",
    ];
    match data_type {
        DataType::Custom(name, _) => match name.0.as_slice() {
            [part] => part
                .as_ident()
                .is_some_and(|ident| SERIAL.contains(&fold(ident).as_str())),
            _ => false,
        },
        _ => false,
    }
}

fn is_identity(option: &ColumnOption) -> bool {
    // With an expression it is a generated column, which is fine.
    matches!(
        option,
        ColumnOption::Generated {
            generation_expr: None,
            ..
        }
    )
}

fn calls_nextval(value: &Expr) -> bool {
    match value {
        Expr::Function(function) => function
            .name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| fold(ident) == "nextval"),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => calls_nextval(expr),
        Expr::BinaryOp { left, right, .. } => calls_nextval(left) || calls_nextval(right),
        _ => false,
    }
}

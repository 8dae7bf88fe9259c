mod book {
    use sea_orm_tenant::TenantScoped;

    #[derive(TenantScoped)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Entity<T>(T);

    #[derive(TenantScoped)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Model<'a, T> {
        pub id: &'a T,
    }
}

fn main() {}

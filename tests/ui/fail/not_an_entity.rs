use sea_orm_tenant::{TenantScoped, TenantShared};

#[derive(TenantScoped)]
struct Book {
    id: i32,
}

#[derive(TenantShared)]
struct Wrapper(i32);

#[derive(TenantScoped)]
union Union {
    id: i32,
}

#[derive(TenantShared)]
#[sea_orm(rs_type = "String", db_type = "Text")]
enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
}

fn main() {}

from callwatch.db import *
def test_a(database): 
    with connection() as c:
        print(fetch_all(c,"select * from callwatch.migrations"))
    with product_connection() as c:
        print(fetch_all(c,"show statement_timeout"), fetch_all(c,"show transaction_read_only"))
    print(pool_statistics())
def test_b(empty_database): pass

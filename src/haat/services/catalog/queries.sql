-- name: page_by_id(product_id)^
SELECT page, etag, status, product_id FROM catalog.products WHERE product_id = :product_id;

-- name: page_by_slug(slug)^
SELECT page, etag, status, product_id FROM catalog.products WHERE slug = :slug;

-- name: page_by_old_slug(slug)^
SELECT p.page, p.etag, p.status, p.product_id
FROM catalog.old_slugs o JOIN catalog.products p USING (product_id) WHERE o.slug = :slug;

-- name: pages(product_ids)
SELECT product_id, page, status FROM catalog.products WHERE product_id = ANY(:product_ids::text[]);

-- name: list_by_slug(slug, listed_at, product_id, count)
-- The inner limit is a constant, and each page a lookup of its own: the plan stays the same however many products
-- there are.
SELECT p.page, p.etag, l.listed_at, l.product_id
FROM (
    SELECT listed_at, product_id FROM catalog.listed
    WHERE category_id = (SELECT category_id FROM catalog.categories WHERE slug = :slug)
      AND (listed_at, product_id) < (:listed_at::timestamptz, :product_id)
    ORDER BY listed_at DESC, product_id DESC LIMIT 101
) l CROSS JOIN LATERAL (
    SELECT page, etag FROM catalog.products WHERE product_id = l.product_id OFFSET 0
) p
ORDER BY l.listed_at DESC, l.product_id DESC LIMIT :count;

-- name: list_by_id(category_id, listed_at, product_id, count)
SELECT p.page, p.etag, l.listed_at, l.product_id
FROM (
    SELECT listed_at, product_id FROM catalog.listed
    WHERE category_id = :category_id AND (listed_at, product_id) < (:listed_at::timestamptz, :product_id)
    ORDER BY listed_at DESC, product_id DESC LIMIT 101
) l CROSS JOIN LATERAL (
    SELECT page, etag FROM catalog.products WHERE product_id = l.product_id OFFSET 0
) p
ORDER BY l.listed_at DESC, l.product_id DESC LIMIT :count;

-- name: list_by_status(status, listed_at, product_id, count)
SELECT page, etag, listed_at, product_id FROM catalog.products
WHERE status = :status AND status <> 'published' AND (listed_at, product_id) < (:listed_at::timestamptz, :product_id)
ORDER BY listed_at DESC, product_id DESC LIMIT :count;

-- name: scan(after, status, count)
SELECT product_id, page FROM catalog.products
WHERE product_id > :after AND (:status::text IS NULL OR status = :status) ORDER BY product_id LIMIT :count;

-- name: for_sale(variant_ids, product_ids)
SELECT variant_id, product_id, sku, title, slug, options, price_minor, currency, tax_class, hsn, weight_grams,
       category_path, image_url
FROM catalog.variants WHERE variant_id = ANY(:variant_ids::text[]) AND published
UNION ALL
SELECT variant_id, product_id, sku, title, slug, options, price_minor, currency, tax_class, hsn, weight_grams,
       category_path, image_url
FROM catalog.variants WHERE product_id = ANY(:product_ids::text[]) AND position = 0 AND published;

-- name: of_skus(skus)
SELECT variant_id, product_id, sku, title, slug, options, price_minor, currency, tax_class, hsn, weight_grams,
       category_path, image_url
FROM catalog.variants WHERE sku = ANY(:skus::text[]) AND published;

-- name: known_skus(skus)
SELECT sku FROM catalog.variants WHERE sku = ANY(:skus::text[]);

-- name: tax_classes()
SELECT tax_class FROM catalog.tax_classes ORDER BY tax_class;

-- name: save_tax_classes(classes)!
INSERT INTO catalog.tax_classes (tax_class) SELECT DISTINCT unnest(:classes::text[]) ORDER BY 1 ON CONFLICT DO NOTHING;

-- name: owners(slugs, skus)
-- Which products hold these slugs and SKUs.
SELECT 'slug' AS kind, slug AS word, product_id FROM catalog.products WHERE slug = ANY(:slugs::text[])
UNION ALL
SELECT 'sku', sku, product_id FROM catalog.variants WHERE sku = ANY(:skus::text[]);

-- name: add_stock(skus)!
INSERT INTO catalog.stock (sku) SELECT sku FROM unnest(:skus::text[]) AS s (sku) ORDER BY sku ON CONFLICT DO NOTHING;

-- name: lock_stock(skus)
SELECT sku, available FROM catalog.stock WHERE sku = ANY(:skus::text[]) ORDER BY sku FOR UPDATE;

-- name: take_stock(skus, availables, versions)
-- Levels newer than what is known, or rebuilt under the same version; the SKUs that changed.
INSERT INTO catalog.stock AS s (sku, available, version)
SELECT * FROM unnest(:skus::text[], :availables::bigint[], :versions::bigint[]) AS n (sku, available, version)
ORDER BY sku
ON CONFLICT (sku) DO UPDATE SET available = excluded.available, version = excluded.version
    WHERE s.version < excluded.version OR s.version = excluded.version AND s.available <> excluded.available
RETURNING sku, available;

-- name: owe_stock(skus, quantities, actor)!
INSERT INTO catalog.stock_due (sku, quantity, actor)
SELECT sku, quantity, :actor FROM unnest(:skus::text[], :quantities::integer[]) AS n (sku, quantity)
ON CONFLICT DO NOTHING;

-- name: stock_due(skus)
-- Of these SKUs, or what has waited for longer than a request takes.
SELECT sku, quantity, actor FROM catalog.stock_due
WHERE CASE WHEN :skus::text[] IS NULL THEN at < now() - interval '10 seconds' ELSE sku = ANY(:skus) END
ORDER BY actor, sku LIMIT 1000;

-- name: stock_received(skus)!
DELETE FROM catalog.stock_due WHERE sku = ANY(:skus::text[]);

-- name: lock_products(product_ids)
SELECT product_id, slug, status, category_id, version, listed_at, page, review_sum, review_count, imported_sum,
       imported_count
FROM catalog.products WHERE product_id = ANY(:product_ids::text[]) ORDER BY product_id FOR UPDATE;

-- name: lock_products_of_skus(skus)
SELECT product_id, page, version FROM catalog.products
WHERE product_id IN (SELECT product_id FROM catalog.variants WHERE sku = ANY(:skus::text[]))
ORDER BY product_id FOR UPDATE;

-- name: lock_products_of_category(category_id, after, count)
SELECT product_id, page, version FROM catalog.products
WHERE category_id IN (SELECT category_id FROM catalog.categories WHERE :category_id = ANY(ancestors))
  AND product_id > :after ORDER BY product_id LIMIT :count FOR UPDATE;

-- name: save_pages(product_ids, versions, pages, etags)!
UPDATE catalog.products p SET version = n.version, page = n.page, etag = n.etag
FROM unnest(:product_ids::text[], :versions::bigint[], :pages::bytea[], :etags::text[])
     AS n (product_id, version, page, etag)
WHERE p.product_id = n.product_id;

-- name: save_products(product_ids, slugs, statuses, category_ids, versions, listed_ats, updated_at, pages, etags, imported_sums, imported_counts)!
INSERT INTO catalog.products (product_id, slug, status, category_id, version, listed_at, updated_at, page, etag,
                              imported_sum, imported_count)
SELECT n.product_id, n.slug, n.status, n.category_id, n.version, n.listed_at, :updated_at::timestamptz, n.page, n.etag,
       n.imported_sum, n.imported_count
FROM unnest(:product_ids::text[], :slugs::text[], :statuses::text[], :category_ids::text[], :versions::bigint[],
            :listed_ats::timestamptz[], :pages::bytea[], :etags::text[], :imported_sums::bigint[],
            :imported_counts::bigint[])
     AS n (product_id, slug, status, category_id, version, listed_at, page, etag, imported_sum, imported_count)
ON CONFLICT (product_id) DO UPDATE SET
    slug = excluded.slug, status = excluded.status, category_id = excluded.category_id, version = excluded.version,
    listed_at = excluded.listed_at, updated_at = excluded.updated_at, page = excluded.page, etag = excluded.etag,
    imported_sum = excluded.imported_sum, imported_count = excluded.imported_count;

-- name: drop_variants(product_ids, kept)!
DELETE FROM catalog.variants WHERE product_id = ANY(:product_ids::text[]) AND variant_id <> ALL(:kept::text[]);

-- name: save_variants(variants)!
INSERT INTO catalog.variants (variant_id, product_id, position, sku, published, price_minor, currency, title, slug,
                              options, tax_class, hsn, weight_grams, category_path, image_url)
SELECT * FROM jsonb_to_recordset(:variants::jsonb) AS n (
    variant_id text, product_id text, position integer, sku text, published boolean, price_minor bigint,
    currency text, title text, slug text, options jsonb, tax_class text, hsn text, weight_grams integer,
    category_path text[], image_url text)
ON CONFLICT (variant_id) DO UPDATE SET
    position = excluded.position, sku = excluded.sku, published = excluded.published,
    price_minor = excluded.price_minor, currency = excluded.currency, title = excluded.title, slug = excluded.slug,
    options = excluded.options, tax_class = excluded.tax_class, hsn = excluded.hsn,
    weight_grams = excluded.weight_grams, category_path = excluded.category_path, image_url = excluded.image_url;

-- name: unlist(product_ids)!
DELETE FROM catalog.listed WHERE product_id = ANY(:product_ids::text[]);

-- name: list_products(product_ids)!
INSERT INTO catalog.listed (category_id, listed_at, product_id)
SELECT a.category_id, p.listed_at, p.product_id
FROM catalog.products p JOIN catalog.categories c USING (category_id)
CROSS JOIN LATERAL unnest(c.ancestors || ''::text) AS a (category_id)
WHERE p.product_id = ANY(:product_ids::text[]) AND p.status = 'published';

-- name: keep_old_slugs(slugs, product_ids, taken)!
-- Addresses that moved lead to the product; an address in use leads nowhere else.
WITH freed AS (DELETE FROM catalog.old_slugs WHERE slug = ANY(:taken::text[]))
INSERT INTO catalog.old_slugs (slug, product_id) SELECT * FROM unnest(:slugs::text[], :product_ids::text[])
ON CONFLICT (slug) DO UPDATE SET product_id = excluded.product_id;

-- name: remove_product(product_id)!
DELETE FROM catalog.products WHERE product_id = :product_id;

-- name: categories()
SELECT category_id, parent_id, slug, title, position, path, ancestors FROM catalog.categories
ORDER BY cardinality(path), position, title;

-- name: category(ref)^
SELECT category_id, parent_id, slug, title, position, path, ancestors FROM catalog.categories
WHERE category_id = :ref OR slug = :ref;

-- name: categories_of(skus, slugs)
SELECT w.kind, w.word, c.category_id, c.parent_id, c.slug, c.title, c.position, c.path, c.ancestors
FROM (
    SELECT 'sku' AS kind, sku AS word, product_id FROM catalog.variants WHERE sku = ANY(:skus::text[])
    UNION ALL
    SELECT 'slug', slug, product_id FROM catalog.products WHERE slug = ANY(:slugs::text[])
) w JOIN catalog.products p USING (product_id) JOIN catalog.categories c USING (category_id);

-- name: category_counts()
SELECT category_id, count(*) AS products FROM catalog.listed GROUP BY category_id;

-- name: lock_categories()!
-- Categories are few and seldom change: one writer at a time.
SELECT pg_advisory_xact_lock(hashtextextended('catalog.categories', 0));

-- name: keep_categories()!
SELECT pg_advisory_xact_lock_shared(hashtextextended('catalog.categories', 0));

-- name: save_category(category_id, parent_id, slug, title, position, path, ancestors)!
INSERT INTO catalog.categories (category_id, parent_id, slug, title, position, path, ancestors)
VALUES (:category_id, :parent_id, :slug, :title, :position, :path::text[], :ancestors::text[])
ON CONFLICT (category_id) DO UPDATE SET title = excluded.title, position = excluded.position;

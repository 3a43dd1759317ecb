-- The core tables. Replaced by the store's author before the first release.
SELECT 1;

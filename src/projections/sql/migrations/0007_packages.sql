-- A projection may be of an installed package. How far Drumbeat's own read models are never depends on those, and what a
-- package leaves behind when it goes can be found and taken away.
ALTER TABLE readmodel.projections
    ADD COLUMN package text,  -- who brought the projection; null: Drumbeat itself
    ADD COLUMN tables text[]; -- then, the tables that it made

CREATE OR REPLACE VIEW readmodel.live_checkpoints AS
SELECT projection, generation, partition, position, last_event_id, recorded_at, updated_at, next_offset, began_at,
    package
FROM readmodel.checkpoints JOIN readmodel.projections USING (generation, projection)
WHERE state = 'live';

-- A generation that is made only to be compared with what is read. When whoever made it was killed, it is nobody's work.
ALTER TABLE readmodel.builds
    ADD COLUMN passing boolean NOT NULL DEFAULT false; -- made to be compared only, and taken away after

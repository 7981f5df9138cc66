-- How the user logged in: the claim amr, a JSON array. The default is for servers of earlier versions, which know passwords only.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT '["pwd"]';

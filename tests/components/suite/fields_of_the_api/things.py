from shipmate.kit import Api, Field, Resource

api = Api("https://fields.example.com", title="Fields")


def fields(connection, cfg):
    return [Field(name) for name in connection.get("/fields").json()]


things = Resource(api, "/things", title="Thing", fields=fields)

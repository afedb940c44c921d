using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class StreamLsVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "list the named streams and forks of a file",
        Arguments = [Argument.Image, new("PATH", "the file") { Kind = ValueKind.InsidePath }],
        Examples = [new("platter stream ls win.img@2 /file.txt", "names and sizes")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var streams = at.Volume.GetStreams(at.Volume.Find(session.Inside(session.Words[1])).Id);
        if (!session.Json)
        {
            foreach (var stream in streams)
                session.Out.WriteLine($"{stream.Length,12} {session.Show(stream.Name.ToString())}");
            return ExitCode.Done;
        }
        using var json = new Json(session.Out);
        json.Object();
        EntryText.WriteStreams(json, streams);
        json.End();
        return ExitCode.Done;
    }
}

internal sealed class StreamPutVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "write a named stream",
        Arguments =
        [
            Argument.Image, new("PATH", "the file") { Kind = ValueKind.InsidePath }, new("NAME", "the stream"),
            new("SOURCE", "a file of the host, or - for standard input") { Kind = ValueKind.HostPath },
        ],
        Examples = [new("platter stream put win.img@2 /setup.exe Zone.Identifier zone.txt", "a stream from a file")],
    };

    public override int Run(Session session)
    {
        using var content = session.Words[3] == "-" ? Console.OpenStandardInput() : File.OpenRead(session.Words[3]);
        using var at = session.EditVolume(session.Words[0]);
        using (var stream = at.Volume.OpenWrite(at.Volume.Find(session.Inside(session.Words[1])).Id, StreamName.Named(session.Words[2])))
        {
            stream.SetLength(0);
            content.CopyTo(stream, 1 << 20);
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }
}

internal sealed class StreamCatVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "write a named stream to standard output",
        Arguments = [Argument.Image, new("PATH", "the file") { Kind = ValueKind.InsidePath }, new("NAME", "the stream")],
        Examples = [new("platter stream cat win.img@2 /setup.exe Zone.Identifier", "print a stream")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var path = session.Inside(session.Words[1]);
        CatVerb.Write(session, at.Volume.Find(path), path, StreamName.Named(session.Words[2]));
        return ExitCode.Done;
    }
}

internal sealed class StreamRmVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "remove a named stream",
        Arguments = [Argument.Image, new("PATH", "the file") { Kind = ValueKind.InsidePath }, new("NAME", "the stream")],
        Examples = [new("platter stream rm win.img@2 /setup.exe Zone.Identifier", "remove a stream")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        at.Volume.DeleteStream(at.Volume.Find(session.Inside(session.Words[1])).Id, StreamName.Named(session.Words[2]));
        at.Volume.Commit();
        return ExitCode.Done;
    }
}

using System.Globalization;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class MknodVerb : Verb
{
    private static readonly Option Mode = Option.Of("-m --mode", "OCTAL", "POSIX permissions");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make a device node or a FIFO",
        Arguments =
        [
            Argument.Image, new("PATH", "the new entry") { Kind = ValueKind.InsidePath },
            new("TYPE", "block, character or pipe") { Choices = ["b", "c", "p"] },
            new("MAJOR", "the device's major number") { Min = 0 }, new("MINOR", "the device's minor number") { Min = 0 },
        ],
        Options = [Mode],
        Examples = [new("platter mknod root.img /dev/console c 5 1", "a character device")],
    };

    public override int Run(Session session)
    {
        var kind = session.Words[2] switch
        {
            "b" => EntryKind.BlockDevice, "c" or "u" => EntryKind.CharacterDevice, "p" => EntryKind.Fifo,
            var other => throw new UsageException($"'{other}' is none of b, c, p"),
        };
        if (session.Words.Length != (kind == EntryKind.Fifo ? 3 : 5))
            throw new UsageException(kind == EntryKind.Fifo ? "a FIFO has no numbers" : "a device needs MAJOR and MINOR");
        var device = kind == EntryKind.Fifo ? default : new DeviceNumber(Number(session.Words[3]), Number(session.Words[4]));
        using var at = session.EditVolume(session.Words[0]);
        var parent = InsidePath.Locate(at.Volume, session.Inside(session.Words[1]), out var name);
        at.Volume.CreateSpecial(parent, name, kind, device, new MetadataChange { Mode = session.Arguments.Mode(Mode) });
        at.Volume.Commit();
        return ExitCode.Done;
    }

    private static uint Number(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : throw new UsageException($"'{text}' is not a device number");
}

using System.Text;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Cli.Verbs;

/// <summary>What the options of <c>put</c> set on each SOURCE once it is in the image.</summary>
internal sealed class PutMetadata
{
    private static readonly Option Mode = Option.Of("--mode", "OCTAL", "POSIX permissions");
    private static readonly Option OwnerOption = Option.Of("--owner", "UID[:GID]", "owner of everything that is copied");
    private static readonly Option Time = Option.Of("--mtime", "TIME", "modification time: ISO 8601, or @SECONDS");
    private static readonly Option Type = Option.Of("--type", "TYPE", "Mac OS type, four characters");
    private static readonly Option Creator = Option.Of("--creator", "CREATOR", "Mac OS creator, four characters");
    private static readonly Option ResourceFork = Option.Of("--rsrc", "FILE", "resource fork, from a file of the host", ValueKind.HostPath);
    private static readonly Option Attributes = Option.Of("--attr", "+rhsa", "attributes, as attrib takes them");

    /// <summary>An option list with these behind it.</summary>
    public static Option[] After(Option a, Option b, Option c, Option d, Option e) =>
        [a, b, c, d, e, Mode, OwnerOption, Time, Type, Creator, ResourceFork, Attributes];

    private MetadataChange _change = MetadataChange.None;
    private string? _type, _creator, _resourceFork, _attributes;

    public Ownership? Owner { get; private init; }

    public static PutMetadata Read(ParsedArguments arguments, Volume volume)
    {
        Ownership? owner = arguments.Text(OwnerOption) is { } text ? ParseOwner(text) : null;
        return new PutMetadata
        {
            Owner = owner,
            _change = new MetadataChange
            {
                Mode = arguments.Mode(Mode),
                Modified = arguments.Time(Time),
                UserId = owner?.UserId,
                GroupId = owner?.GroupId,
            },
            _type = arguments.Text(Type),
            _creator = arguments.Text(Creator),
            _resourceFork = arguments.Text(ResourceFork),
            _attributes = arguments.Text(Attributes),
        };
    }

    private static Ownership ParseOwner(string text)
    {
        var (user, group) = ModeText.ParseOwner(text);
        return new Ownership(user, group ?? user);
    }

    /// <summary>Whether there is nothing to <see cref="Apply"/>.</summary>
    public bool IsEmpty => _change.IsEmpty && _type is null && _creator is null && _resourceFork is null && _attributes is null;

    public void Apply(EditableVolume volume, NodeId id)
    {
        var change = _change;
        if (_attributes is not null)
        {
            var wanted = AttributeChange.Parse(_attributes).For(volume.GetMetadata(id), volume.Capabilities);
            change = change with { DosAttributes = wanted.DosAttributes, Compressed = wanted.Compressed, Sparse = wanted.Sparse };
        }
        if (_type is not null || _creator is not null)
            change = change with { FinderInfo = FinderType.Set(volume.GetMetadata(id).FinderInfo, _type, _creator) };
        if (!change.IsEmpty)
            volume.SetMetadata(id, change);
        if (_resourceFork is null)
            return;
        using var content = File.OpenRead(_resourceFork);
        using var fork = volume.OpenWrite(id, StreamName.ResourceFork);
        fork.SetLength(0);
        content.CopyTo(fork, 1 << 20);
    }
}

/// <summary>Mac OS type and creator, the first eight bytes of the Finder information.</summary>
internal static class FinderType
{
    /// <exception cref="UsageException">Not four characters.</exception>
    public static byte[] Set(byte[]? old, string? type, string? creator)
    {
        var info = old is null ? new byte[32] : (byte[])old.Clone();
        Put(info, 0, type);
        Put(info, 4, creator);
        return info;
    }

    private static void Put(byte[] info, int offset, string? code)
    {
        if (code is null)
            return;
        var bytes = Encoding.Latin1.GetBytes(code);
        if (bytes.Length != 4)
            throw new UsageException($"'{code}' is not a type or creator: they have four characters");
        bytes.CopyTo(info, offset);
    }
}

using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Extended attributes of a file that is edited: $EA, and what $EA_INFORMATION says of it.</summary>
internal static class NtfsAttributeSetter
{
    private const string Prefix = "user.";

    /// <summary>Sets an attribute, or removes it.</summary>
    /// <exception cref="UnsupportedFeatureException">NTFS has no such attributes, or no room for them.</exception>
    public static void Set(NtfsFileEditor file, string name, byte[]? value)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            throw new UnsupportedFeatureException($"ntfs has no extended attributes of the kind of '{name}': those of users (user.) alone");
        var text = name[Prefix.Length..];
        if (text.Length is 0 or > 254 || text.AsSpan().ContainsAnyExceptInRange('\x01', '\xFF'))
            throw new InvalidNameException(name, "is empty, or holds characters beyond Latin-1, or more than 254 of them, behind its prefix");
        var all = new List<NtfsEa>();
        var content = file.Open(NtfsAttributeType.Ea);
        if (content is not null && NtfsExtendedAttributes.Parse(content.ReadAll(NtfsEaEntry.MaxLength), all) is { } problem)
            throw new DiskFormatException("NTFS-0501", content.Structure, file.Base.Offset, problem);
        Set(all, text, value);
        Store(file, all);
    }

    /// <summary>Stores a list of attributes; none removes both.</summary>
    public static void Store(NtfsFileEditor file, List<NtfsEa> all)
    {
        if (all.Count == 0)
        {
            file.Delete(NtfsAttributeType.Ea, "");
            file.Delete(NtfsAttributeType.EaInformation, "");
            return;
        }
        var (length, packed, needed) = (0L, 0L, 0);
        foreach (var ea in all)
        {
            length += LengthOf(ea);
            packed += NtfsEaEntry.Size - 3 + ea.Name.Length + ea.Value.Length;
            needed += (ea.Flags & NtfsEaEntry.NeedEa) != 0 ? 1 : 0;
        }
        if (length > NtfsEaEntry.MaxLength - 1)
            throw new UnsupportedFeatureException($"ntfs holds at most {NtfsEaEntry.MaxLength - 1} bytes of extended attributes with a file; these would be {length}");
        var value = new byte[length];
        var at = 0;
        foreach (var ea in all)
        {
            ref var entry = ref OnDisk.Edit<NtfsEaEntry>(value, at);
            entry.NextOffset = (uint)LengthOf(ea);
            entry.Flags = ea.Flags;
            entry.NameLength = (byte)ea.Name.Length;
            entry.ValueLength = (ushort)ea.Value.Length;
            Encoding.Latin1.GetBytes(ea.Name, value.AsSpan(at + NtfsEaEntry.Size));
            ea.Value.CopyTo(value, at + NtfsEaEntry.Size + ea.Name.Length + 1);
            at += LengthOf(ea);
        }
        file.OpenOrCreate(NtfsAttributeType.Ea).Replace(value);
        var summary = new byte[NtfsEaInformation.Size];
        ref var information = ref OnDisk.Edit<NtfsEaInformation>(summary);
        information.PackedLength = (ushort)packed;
        information.NeedCount = (ushort)needed;
        information.QueryLength = (uint)length;
        file.SetResident(NtfsAttributeType.EaInformation, "", summary);
    }

    // Their case does not count, but is kept.
    private static void Set(List<NtfsEa> all, string name, byte[]? value)
    {
        var at = all.FindIndex(ea => string.Equals(ea.Name, name, StringComparison.OrdinalIgnoreCase));
        if (value is null)
        {
            if (at >= 0)
                all.RemoveAt(at);
            return;
        }
        if (value.Length > ushort.MaxValue)
            throw new UnsupportedFeatureException($"ntfs holds values of extended attributes of at most {ushort.MaxValue} bytes, {value.Length} were asked for");
        var set = new NtfsEa(name, value, at >= 0 ? all[at].Flags : (byte)0);
        if (NtfsExtendedAttributes.IsLinux(set))
            throw new InvalidNameException("user." + name, "is where the Windows Subsystem for Linux keeps mode, owner or device");
        if (at >= 0)
            all[at] = set;
        else
            all.Add(set);
    }

    private static int LengthOf(in NtfsEa ea) => NtfsEaEntry.Size + ea.Name.Length + 1 + ea.Value.Length + 3 & ~3;
}

using Platter.Trees.Toml;

namespace Platter.Fuzz;

/// <summary>One thing that is fed with mutated input.</summary>
internal abstract class FuzzTarget
{
    /// <summary>What <c>--target</c> and the reports call it.</summary>
    public abstract string Name { get; }

    /// <summary>Makes the sound bases, once; the same ones every time.</summary>
    public abstract void Prepare();

    /// <summary>One case. Whatever escapes is a finding; exceptions that the contracts allow are caught inside.</summary>
    /// <returns>True when the input was taken for one of its format, false when it was refused.</returns>
    public abstract bool Run(Dice dice);

    /// <summary>What may escape from the library when the input is broken.</summary>
    public static bool IsLawful(Exception e) => e
        is DiskFormatException or UnsupportedFeatureException or VolumeFullException or InvalidNameException or AlreadyExistsException
        or DirectoryNotEmptyException or InUseException or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException or TomlException
        || e.GetType() == typeof(IOException);

    /// <summary>Calls the library; what the contracts allow is caught.</summary>
    /// <returns>False when it refused.</returns>
    protected static bool Try(Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (Exception e) when (IsLawful(e))
        {
            return false;
        }
    }

    /// <summary>A promise of the library that must hold whatever the input is.</summary>
    protected static void Expect(bool holds, string promise)
    {
        if (!holds)
            throw new BrokenPromiseException(promise);
    }
}

/// <summary>The library gave back what it must never give back.</summary>
internal sealed class BrokenPromiseException(string promise) : Exception(promise);
